package node

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

// A Cluster is what a node must know to join.
type Cluster struct {
	// Programs is a folder with containerd, its shim, kubelet, kube-proxy, netpol and the CNI plugins by their names.
	Programs string
	// CAFile is the certificate of the authority that signed the API server's client certificate.
	CAFile string
	// Kubelet, Proxy and Policy are kubeconfig files of the node's agents.
	Kubelet, Proxy, Policy string
	// Pods is the range of all pods, PodsHere of this node's.
	Pods, PodsHere netip.Prefix
	Services       netip.Prefix
	DNS            netip.Addr
	// Registry answers for every registry's name.
	Registry netip.AddrPort
	// PauseImage is the reference of the image that holds pods' namespaces.
	PauseImage string
	// Before is a command that must succeed once before the kubelet starts; nil: none. It is run when containerd is,
	// again and again until then.
	Before []string
}

// Join writes the configuration of the node's agents into its folder and adds their processes to the specification.
func (s *Spec) Join(c Cluster) error {
	replace := strings.NewReplacer(
		"@CA@", c.CAFile, "@DNS@", c.DNS.String(), "@PODS@", c.Pods.String(), "@PODS_HERE@", c.PodsHere.String(),
		"@NODE@", s.Name, "@PROXY@", c.Proxy, "@REGISTRY@", c.Registry.String(), "@PAUSE@", c.PauseImage,
		"@PROGRAMS@", c.Programs,
	)
	for file, text := range map[string]string{
		s.config("containerd.toml"): containerdConfig, s.config("kubelet.yaml"): kubeletConfig,
		s.config("kube-proxy.yaml"):                              proxyConfig,
		s.HostPath("etc/cni/net.d/10-bed.conflist"):              cniConfig,
		s.HostPath("etc/containerd/certs.d/_default/hosts.toml"): hostsConfig,
	} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return fmt.Errorf("configuring node %s: %w", s.Name, err)
		}
		if err := write(file, replace.Replace(text)); err != nil {
			return err
		}
	}
	program := func(name string, arguments ...string) Process {
		// Containerd finds its shim, and the shim runc, by PATH.
		return Process{
			Name: name, Path: filepath.Join(c.Programs, name), Args: arguments,
			Env: []string{"PATH=" + c.Programs + ":/usr/sbin:/usr/bin:/sbin:/bin"},
		}
	}
	kubelet := program("kubelet", "--config="+s.config("kubelet.yaml"), "--kubeconfig="+c.Kubelet, "--hostname-override="+s.Name,
		"--node-ip="+s.Address.Addr().String(), "--cert-dir="+s.config("kubelet-keys"),
		"--node-labels=topology.kubernetes.io/zone="+s.Zone)
	kubelet.Before = c.Before
	s.Processes = append(s.Processes,
		program("containerd", "--config="+s.config("containerd.toml")),
		kubelet,
		program("kube-proxy", "--config="+s.config("kube-proxy.yaml")),
		program("netpol", "--kubeconfig="+c.Policy, "--node="+s.Name, "--service-cidr="+c.Services.String()),
	)
	return nil
}

func (s *Spec) config(name string) string { return filepath.Join(s.Dir, "config", name) }

// The capability to raise the OOM score is often missing, AppArmor's tools are not needed, and huge pages have no
// controller everywhere. Containerd 2 takes this version of its configuration over.
const containerdConfig = `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "@PAUSE@"
  restrict_oom_score_adj = true
  disable_apparmor = true
  disable_hugetlb_controller = true
  tolerate_missing_hugetlb_controller = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "@PROGRAMS@"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
`

// The server is the mirror itself: containerd would else go on to the registry that the image names.
const hostsConfig = `server = "http://@REGISTRY@"
[host."http://@REGISTRY@"]
  capabilities = ["pull", "resolve"]
`

// With ptp, packets between pods of one node are forwarded, so that policies bind them without br_netfilter.
const cniConfig = `{"cniVersion": "0.4.0", "name": "bed", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local",
    "ranges": [[{"subnet": "@PODS_HERE@"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
`

// The disk is the whole machine's, so that its being rather full is no reason to evict.
const kubeletConfig = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
failSwapOn: false
cgroupDriver: cgroupfs
oomScoreAdj: 0
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
imagePullCredentialsVerificationPolicy: NeverVerify
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: "@CA@"}}
authorization: {mode: Webhook}
clusterDNS: ["@DNS@"]
clusterDomain: cluster.local
resolvConf: /etc/resolv.conf
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, nodefs.inodesFree: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
systemReserved: {cpu: 100m, memory: 256Mi}
kubeAPIQPS: 100
kubeAPIBurst: 200
serializeImagePulls: false
`

// Zeros: kube-proxy leaves the connection tracking of the machine as it is.
const proxyConfig = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: "@PODS@"
hostnameOverride: "@NODE@"
clientConnection: {kubeconfig: "@PROXY@"}
oomScoreAdj: 0
conntrack: {maxPerCore: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s}
`
