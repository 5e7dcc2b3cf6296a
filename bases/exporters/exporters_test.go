// Package exporters_test reads what is rendered for a tenant's exporters as the programs themselves do, and looks for
// what would let a tenant reach more than it may.
package exporters_test

import (
	"encoding/json"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	blackbox "github.com/prometheus/blackbox_exporter/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/config"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/opsgen/opsgen/generator/check/network"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/exporter"
	"github.com/opsgen/opsgen/generator/identity"
	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/generator/jsonnet/basetest"
	"github.com/opsgen/opsgen/generator/sizing"
	"github.com/opsgen/opsgen/generator/tenant"
)

// everything is a tenant.yaml with all exporters and all that they can be told.
const everything = "testdata/tenant.yaml"

// payments is the tenant as it is written.
func payments(t *testing.T) *tenant.Tenant {
	t.Helper()
	text, err := os.ReadFile(everything)
	if err != nil {
		t.Fatal(err)
	}
	written := &tenant.Tenant{Name: "payments"}
	file, err := document.Decode(everything, text, written)
	if err != nil {
		t.Fatal(err)
	}
	if problems := written.Problems(file); len(problems) > 0 {
		t.Fatal(problems)
	}
	return written
}

// objects are what the base makes for the tenant payments on a cluster of a provider, by kind and name.
func objects(t *testing.T, provider string) basetest.Objects {
	t.Helper()
	resolved, err := json.Marshal(payments(t).For(&cluster.Cluster{Name: "prod"}))
	if err != nil {
		t.Fatal(err)
	}
	return basetest.Evaluate(t, "bases/exporters/tenant.jsonnet", map[string]string{
		"cluster": `{name: "prod", provider: {name: "` + provider + `"}}`, "bundle": "{}", "tenant": string(resolved),
	})
}

func TestPrometheusReadsTheScrapersConfiguration(t *testing.T) {
	text := objects(t, "aws").File(t, "scraper", "prometheus.yaml")
	read, err := config.Load(text, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	jobs, err := read.GetScrapeConfigs()
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs {
		if job.SampleLimit != 30_000 || job.BodySizeLimit == 0 || job.LabelLimit == 0 {
			t.Errorf("job %s has no bounds, or not the tenant's: %d samples, %d bytes, %d labels", job.JobName, job.SampleLimit, job.BodySizeLimit, job.LabelLimit)
		}
	}
	if len(read.RemoteWriteConfigs) != 1 || read.RemoteWriteConfigs[0].HTTPClientConfig.Authorization.CredentialsFile == "" {
		t.Error("it must write to one place, by its token")
	}
}

func TestTheBlackboxExporterReadsItsModules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blackbox.yaml")
	if err := os.WriteFile(path, []byte(objects(t, "aws").File(t, "exporter-blackbox", "blackbox.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	safe := blackbox.NewSafeConfig(prometheus.NewRegistry())
	if err := safe.ReloadConfig(path, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	for name, module := range safe.C.Modules {
		if slices.Contains([]string{module.HTTP.IPProtocol, module.TCP.IPProtocol, module.DNS.IPProtocol, module.GRPC.PreferredIPProtocol}, "ip4") {
			continue
		}
		t.Errorf("module %s may leave by IPv6, which policies and clusters do not know", name)
	}
}

// TestExportersHoldNoKeys finds what the predecessor had: long-lived keys in environments and Secrets.
func TestExportersHoldNoKeys(t *testing.T) {
	audiences := map[string]string{
		"exporter-cloudwatch": "sts.amazonaws.com", "exporter-azure-monitor": "api://AzureADTokenExchange", "exporter-blackbox": "",
		"exporter-cloud-monitoring": "https://iam.googleapis.com/projects/123456789/locations/global/workloadIdentityPools/clusters/providers/prod",
		"scraper":                   "opsgen-proxy",
	}
	all := objects(t, "aws")
	for name, want := range audiences {
		deployment := all["Deployment/"+name]
		pod := &corev1.PodSpec{}
		spec, _, _ := unstructured.NestedMap(deployment.Object, "spec", "template", "spec")
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(spec, pod); err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, volume := range pod.Volumes {
			if volume.Projected != nil {
				got += volume.Projected.Sources[0].ServiceAccountToken.Audience
			}
			if volume.Secret != nil && name == "exporter-blackbox" && volume.Secret.SecretName != "probes" {
				t.Errorf("%s mounts the Secret %s, which the tenant did not name", name, volume.Secret.SecretName)
			}
		}
		if got != want {
			t.Errorf("%s holds tokens for %q, want %q", name, got, want)
		}
		for _, env := range pod.Containers[0].Env {
			if env.ValueFrom != nil || strings.Contains(env.Name, "SECRET") || strings.Contains(env.Name, "ACCESS_KEY") {
				t.Errorf("%s has the variable %s", name, env.Name)
			}
		}
	}
}

// TestSizeCountsWhatIsRendered compares what the pods request with what `opsgen size` counts for the tenant.
func TestSizeCountsWhatIsRendered(t *testing.T) {
	requested := sizing.Sum{}
	for _, object := range objects(t, "aws") {
		if object.GetKind() != "Deployment" {
			continue
		}
		requested.Pods++
		containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
		for _, container := range containers {
			fields, _ := container.(map[string]any)
			requests, _, _ := unstructured.NestedStringMap(fields, "resources", "requests")
			cpu, memory := resource.MustParse(requests["cpu"]), resource.MustParse(requests["memory"])
			requested.CPU += cpu.AsApproximateFloat64()
			requested.Memory += memory.Value()
		}
	}
	c := &cluster.Cluster{Name: "prod"}
	counted := sizing.Total(sizing.Sizing{}.Counted(c, []*tenant.Tenant{payments(t).For(c)}))
	if requested.Pods == 0 || requested.Pods != counted.Pods || math.Abs(requested.CPU-counted.CPU) > 1e-6 || requested.Memory != counted.Memory {
		t.Errorf("rendered are %+v, counted %+v", requested, counted)
	}
}

// TestCloudsKnowTheExporters: the account that a team lets its cloud trust is the one that the pod has.
func TestCloudsKnowTheExporters(t *testing.T) {
	all := objects(t, "aws")
	for _, name := range []string{"cloudwatch", "cloud-monitoring", "azure-monitor"} {
		account := identity.Exporter("payments", name).Name
		deployment := all["Deployment/"+account]
		got, _, _ := unstructured.NestedString(deployment.Object, "spec", "template", "spec", "serviceAccountName")
		if got != account {
			t.Errorf("%s runs as %q, want %q", name, got, account)
		}
	}
}

func TestOnGoogleThePodItselfIsTheAccount(t *testing.T) {
	all := objects(t, "gcp")
	account := all["ServiceAccount/exporter-cloud-monitoring"]
	if got := account.GetAnnotations()["iam.gke.io/gcp-service-account"]; got != "metrics@acme-payments.iam.gserviceaccount.com" {
		t.Errorf("the service account acts as %q", got)
	}
	if _, found := all["ConfigMap/exporter-cloud-monitoring"]; found {
		t.Error("credentials for clusters that are not Google's are of no use there")
	}
}

// policies are those of the tenant's namespace, with the one that denies everything else.
func policies(t *testing.T, all map[string]unstructured.Unstructured) (ready []*network.Policy, written map[string]*networkingv1.NetworkPolicy) {
	t.Helper()
	written = map[string]*networkingv1.NetworkPolicy{}
	for _, object := range all {
		if object.GetKind() != "NetworkPolicy" {
			continue
		}
		policy := &networkingv1.NetworkPolicy{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, policy); err != nil {
			t.Fatal(err)
		}
		policy.Namespace = "tenant-payments"
		one, err := network.New(policy)
		if err != nil {
			t.Fatal(err)
		}
		ready, written[policy.Name] = append(ready, one), policy
	}
	return ready, written
}

// TestNobodyButTheScraperAsksAnExporter: who may ask the blackbox exporter chooses what is asked.
func TestNobodyButTheScraperAsksAnExporter(t *testing.T) {
	ready, _ := policies(t, objects(t, "aws"))
	pod := func(namespace, component string) network.Pod {
		return network.Pod{Namespace: namespace, Labels: map[string]string{"app.kubernetes.io/name": "exporters", "app.kubernetes.io/component": component}}
	}
	for component, number := range map[string]int32{"blackbox": 9115, "cloudwatch": 5000, "cloud-monitoring": 9255, "azure-monitor": 8080} {
		port := network.Port{Number: number, Protocol: corev1.ProtocolTCP}
		for _, from := range []network.Pod{
			pod("tenant-payments", "scraper"), pod("tenant-search", "scraper"), pod("tenant-payments", "cloudwatch"),
			{Namespace: "tenant-payments", Labels: map[string]string{"app.kubernetes.io/name": "grafana", "app.kubernetes.io/component": "grafana"}},
			{Namespace: "collector", Labels: map[string]string{"app.kubernetes.io/name": "collector", "app.kubernetes.io/component": "collector"}},
		} {
			want := from.Namespace == "tenant-payments" && from.Labels["app.kubernetes.io/component"] == "scraper"
			if got := network.Ingress(ready, from, pod("tenant-payments", component), port).Allowed; got != want {
				t.Errorf("%s/%s asks %s: %v", from.Namespace, from.Labels["app.kubernetes.io/component"], component, got)
			}
		}
		if !network.Egress(ready, pod("tenant-payments", "scraper"), pod("tenant-payments", component), port).Allowed {
			t.Errorf("the scraper does not reach %s", component)
		}
	}
}

// TestExportersReachPublicAddressesOnly compares the policies with the list that refuses targets.
func TestExportersReachPublicAddressesOnly(t *testing.T) {
	var private []string
	for _, network := range exporter.Private() {
		private = append(private, network.String())
	}
	_, written := policies(t, objects(t, "aws"))
	for name, policy := range written {
		if !strings.HasPrefix(name, "exporter-") {
			continue
		}
		for _, rule := range policy.Spec.Egress {
			for _, peer := range rule.To {
				switch {
				case peer.IPBlock == nil:
					if peer.NamespaceSelector == nil || peer.NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != "kube-system" {
						t.Errorf("%s opens pods other than those that answer names", name)
					}
				case peer.IPBlock.CIDR == "0.0.0.0/0":
					if !slices.Equal(peer.IPBlock.Except, private) {
						t.Errorf("%s leaves out %v, want %v", name, peer.IPBlock.Except, private)
					}
				case peer.IPBlock.CIDR == "169.254.20.10/32": // the node's cache of names
					for _, port := range rule.Ports {
						if port.Port.IntVal != 53 {
							t.Errorf("%s opens port %d of the node's DNS cache", name, port.Port.IntVal)
						}
					}
				case peer.IPBlock.CIDR != "10.20.4.0/24":
					t.Errorf("%s opens %s, which the tenant did not name", name, peer.IPBlock.CIDR)
				}
			}
		}
	}
	var ports []int32
	for _, port := range written["exporter-blackbox"].Spec.Egress[1].Ports {
		ports = append(ports, port.Port.IntVal)
	}
	if want := []int32{25, 443, 5432, 8443, 53}; !slices.Equal(ports, want) {
		t.Errorf("probes leave to ports %v, want those of the targets, %v", ports, want)
	}
}

func TestATenantWithoutExportersHasNothing(t *testing.T) {
	for _, tenant := range []string{`{name: "a"}`, `{name: "a", exporters: {networks: ["10.0.0.0/8"]}}`} {
		text, err := jsonnet.New("../..", nil).Evaluate("bases/exporters/tenant.jsonnet", map[string]string{
			"cluster": "{}", "bundle": "{}", "tenant": tenant,
		}, nil)
		if err != nil || strings.TrimSpace(string(text)) != "[]" && strings.Join(strings.Fields(string(text)), "") != "[]" {
			t.Errorf("%s: %s %v", tenant, text, err)
		}
	}
}
