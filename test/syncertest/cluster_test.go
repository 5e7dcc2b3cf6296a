package syncertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/opsgen/opsgen/test/controlplane"
)

// cluster is an API server.
type cluster struct {
	kubernetes.Interface

	objects dynamic.Interface
	plane   *controlplane.Plane
}

func startCluster(t *testing.T, programs map[string]string, folder string) *cluster {
	t.Helper()
	plane := &controlplane.Plane{
		Dir: filepath.Join(folder, "plane"), Address: netip.MustParseAddr("127.0.0.1"),
		Port: port(t), EtcdPort: etcdPorts(t), Services: netip.MustParsePrefix("10.200.64.0/18"),
	}
	if err := plane.Write(); err != nil {
		t.Fatal(err)
	}
	processes, err := plane.Processes(programs)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range processes[:2] { // etcd and the API server: nothing is scheduled here
		start(t, folder, p.Name, p.Path, p.Args...)
	}
	configuration, err := clientcmd.BuildConfigFromFlags("", plane.KubeconfigFile(controlplane.Admin))
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{Interface: kubernetes.NewForConfigOrDie(configuration), objects: dynamic.NewForConfigOrDie(configuration), plane: plane}
	eventually(t, "the API server is ready", func(ctx context.Context) error {
		return c.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
	return c
}

// etcdPorts are two ports in a row that are free.
func etcdPorts(t *testing.T) int {
	t.Helper()
	for first := port(t); ; {
		next := port(t)
		if next == first+1 {
			return first
		}
		first = next
	}
}

// rights are kinds of objects that say what the syncer may do.
var rights = map[string]schema.GroupVersionResource{
	"ClusterRole":                      rbac.SchemeGroupVersion.WithResource("clusterroles"),
	"ClusterRoleBinding":               rbac.SchemeGroupVersion.WithResource("clusterrolebindings"),
	"Role":                             rbac.SchemeGroupVersion.WithResource("roles"),
	"RoleBinding":                      rbac.SchemeGroupVersion.WithResource("rolebindings"),
	"ServiceAccount":                   core.SchemeGroupVersion.WithResource("serviceaccounts"),
	"ValidatingAdmissionPolicy":        {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"},
	"ValidatingAdmissionPolicyBinding": {Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"},
}

// giveRights applies what the bundle renders for the syncer, as far as it is about rights, and makes the tenant's
// namespace as the bundle does.
func (c *cluster) giveRights(t *testing.T) {
	t.Helper()
	c.namespace(t, "syncer", nil)
	text, err := os.ReadFile("../../generator/render/testdata/golden/example-local/platform/syncer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		resource, ok := rights[object.GetKind()]
		if !ok {
			continue
		}
		if namespace := object.GetNamespace(); namespace != "" {
			c.namespace(t, namespace, nil)
		}
		if _, err := c.objects.Resource(resource).Namespace(object.GetNamespace()).Create(t.Context(), object, meta.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	c.namespace(t, place, map[string]string{"opsgen.dev/tenant": tenant})
	_, err = c.RbacV1().RoleBindings(place).Create(t.Context(), &rbac.RoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: "syncer"},
		RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "syncer-tenant"},
		Subjects:   []rbac.Subject{{Kind: "ServiceAccount", Namespace: "syncer", Name: "syncer"}},
	}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) namespace(t *testing.T, name string, labels map[string]string) {
	t.Helper()
	list, err := c.CoreV1().Namespaces().List(t.Context(), meta.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(list.Items, func(n core.Namespace) bool { return n.Name == name }) {
		return
	}
	made := &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels}}
	if _, err := c.CoreV1().Namespaces().Create(t.Context(), made, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// token is one of the syncer's service account, for an audience; empty is the API server's.
func (c *cluster) token(t *testing.T, audience string) string {
	t.Helper()
	request := &authentication.TokenRequest{}
	if audience != "" {
		request.Spec.Audiences = []string{audience}
	}
	made, err := c.CoreV1().ServiceAccounts("syncer").CreateToken(t.Context(), "syncer", request, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return made.Status.Token
}

// kubeconfig is a file with which the syncer is its service account.
func (c *cluster) kubeconfig(t *testing.T, folder string) string {
	t.Helper()
	made := api.NewConfig()
	made.Clusters["c"] = &api.Cluster{Server: c.plane.URL(), CertificateAuthority: c.plane.CAFile()}
	made.AuthInfos["a"] = &api.AuthInfo{Token: c.token(t, "")}
	made.Contexts["x"] = &api.Context{Cluster: "c", AuthInfo: "a"}
	made.CurrentContext = "x"
	file := filepath.Join(folder, "kubeconfig")
	if err := clientcmd.WriteToFile(*made, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// put creates or changes a ConfigMap of the tenant.
func (c *cluster) put(t *testing.T, name, label, value string, data map[string]string) {
	t.Helper()
	m := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{label: value}}, Data: data}
	if _, err := c.CoreV1().ConfigMaps(place).Create(t.Context(), m, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// status waits until the tenant's status says something.
func (c *cluster) status(t *testing.T, want string) {
	t.Helper()
	eventually(t, fmt.Sprintf("the status says %q", want), func(ctx context.Context) error {
		m, err := c.CoreV1().ConfigMaps(place).Get(ctx, "opsgen-sync-status", meta.GetOptions{})
		if err != nil {
			return err
		}
		if text := m.Data["summary"] + "\n" + m.Data["conditions"]; !bytes.Contains([]byte(text), []byte(want)) {
			return fmt.Errorf("it says %s", text)
		}
		return nil
	})
}
