package controlplane

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"

	"github.com/opsgen/opsgen/test/node"
)

// Users with a token of their own. Nodes are NodeUser(name).
const (
	Admin             = "admin"
	ControllerManager = "system:kube-controller-manager"
	Scheduler         = "system:kube-scheduler"
	Proxy             = "system:kube-proxy"
	// Policies is each node's policy agent, and FakeNodes what plays fake nodes.
	Policies  = "bed:policies"
	FakeNodes = "bed:fake-nodes"
)

// NodeUser is the user that a node's kubelet is.
func NodeUser(name string) string { return "system:node:" + name }

// A Plane says how a control plane is made.
type Plane struct {
	// Dir is its folder, an absolute path.
	Dir string
	// Address is where the API server is reached and, unless it is a loopback address, announced.
	Address netip.Addr
	// Port is the API server's; EtcdPort and the next one are etcd's, on 127.0.0.1 or Address when that is a loopback one.
	Port, EtcdPort int
	// Services is the range of the services' addresses. The first one is the API server's.
	Services netip.Prefix
	// Nodes are the names of all nodes that may ever join: the API server reads tokens only once.
	Nodes []string
}

// URL is where the API server is reached.
func (p *Plane) URL() string {
	return "https://" + netip.AddrPortFrom(p.Address, uint16(p.Port)).String() //nolint:gosec // A port.
}

// CAFile is the path of the authority's certificate, which signed the API server's.
func (p *Plane) CAFile() string { return p.file("ca.crt") }

// DNS is the address of the cluster's name service: the tenth of the services' range.
func (p *Plane) DNS() netip.Addr {
	a := p.Services.Addr()
	for range 10 {
		a = a.Next()
	}
	return a
}

func (p *Plane) file(name string) string { return filepath.Join(p.Dir, "keys", name) }

// Processes are the control plane's. They may all be started at once: who needs another waits or is started again.
// programs holds paths by name: etcd, kube-apiserver, kube-controller-manager and kube-scheduler.
func (p *Plane) Processes(programs map[string]string) ([]node.Process, error) {
	list := []node.Process{
		{Name: "etcd", Args: p.etcd()},
		{Name: "kube-apiserver", Args: p.apiServer()},
		{Name: "kube-controller-manager", Args: []string{
			"--kubeconfig=" + p.KubeconfigFile(ControllerManager), "--leader-elect=false", "--secure-port=0",
			"--root-ca-file=" + p.CAFile(), "--service-account-private-key-file=" + p.file("accounts.key"),
			"--use-service-account-credentials=true",
			"--cluster-signing-cert-file=" + p.CAFile(), "--cluster-signing-key-file=" + p.file("ca.key"),
			// Pods' networks are given by the bed, and there is no cloud.
			"--controllers=*,-nodeipam,-cloud-node-lifecycle",
		}},
		{Name: "kube-scheduler", Args: []string{
			"--kubeconfig=" + p.KubeconfigFile(Scheduler), "--leader-elect=false", "--secure-port=0",
		}},
	}
	for i := range list {
		path, ok := programs[list[i].Name]
		if !ok {
			return nil, fmt.Errorf("the control plane needs %s", list[i].Name)
		}
		list[i].Path = path
	}
	return list, nil
}

func (p *Plane) etcd() []string {
	client, peer := p.loopback(p.EtcdPort), p.loopback(p.EtcdPort+1)
	return []string{
		"--name=bed", "--data-dir=" + filepath.Join(p.Dir, "etcd"), "--log-level=warn",
		// What is kept ends with the bed, so that it need not survive the machine.
		"--unsafe-no-fsync",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=bed=" + peer,
	}
}

func (p *Plane) apiServer() []string {
	arguments := []string{
		"--etcd-servers=" + p.loopback(p.EtcdPort), "--secure-port=" + strconv.Itoa(p.Port),
		"--tls-cert-file=" + p.file("api.crt"), "--tls-private-key-file=" + p.file("api.key"), "--cert-dir=" + p.file("."),
		"--client-ca-file=" + p.CAFile(), "--token-auth-file=" + p.file("tokens.csv"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + p.file("accounts.pub"),
		"--service-account-signing-key-file=" + p.file("accounts.key"),
		"--service-cluster-ip-range=" + p.Services.String(), "--profiling=false",
		"--kubelet-client-certificate=" + p.file("kubelet-client.crt"),
		"--kubelet-client-key=" + p.file("kubelet-client.key"), "--kubelet-preferred-address-types=InternalIP",
	}
	if p.Address.IsLoopback() {
		// The Service "kubernetes" may not lead to a loopback address. Nothing runs in pods, so nobody could answer a webhook,
		// and what asks one would be refused.
		return append(arguments, "--bind-address="+p.Address.String(), "--endpoint-reconciler-type=none",
			"--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook")
	}
	return append(arguments, "--bind-address=0.0.0.0", "--advertise-address="+p.Address.String())
}

// loopback is an address for the control plane's own calls. A bed without namespaces has a loopback address of its own,
// so that several can use the same ports.
func (p *Plane) loopback(port int) string {
	host := "127.0.0.1"
	if p.Address.IsLoopback() {
		host = p.Address.String()
	}
	return "http://" + host + ":" + strconv.Itoa(port)
}
