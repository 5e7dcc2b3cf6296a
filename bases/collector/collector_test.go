// Package collector_test reads what is rendered of the collector as Prometheus does, and sees that it reaches what it
// scrapes, and may do no more.
package collector_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/check/network"
)

// rendered are the objects of an example's golden files; those of other projects stand there as a hash, and are missing.
func rendered(t *testing.T, cluster string) []unstructured.Unstructured {
	t.Helper()
	files, err := filepath.Glob("../../generator/render/testdata/golden/" + cluster + "/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files of %s: %v", cluster, err)
	}
	var all []unstructured.Unstructured
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range strings.Split(string(text), "\n---\n") {
			object := map[string]any{}
			if err := yaml.Unmarshal([]byte(strings.TrimPrefix(document, "---\n")), &object); err == nil && object["kind"] != nil {
				all = append(all, unstructured.Unstructured{Object: object})
			}
		}
	}
	return all
}

// as are the objects of one kind.
func as[T any](t *testing.T, all []unstructured.Unstructured, kind string) []*T {
	t.Helper()
	var found []*T
	for _, object := range all {
		if object.GetKind() != kind {
			continue
		}
		typed := new(T)
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
			t.Fatal(err)
		}
		found = append(found, typed)
	}
	return found
}

func examples() []string { return []string{"example-aws", "example-gcp", "example-local"} }

func TestPrometheusReadsTheConfiguration(t *testing.T) {
	for _, cluster := range examples() {
		var text string
		for _, c := range as[corev1.ConfigMap](t, rendered(t, cluster), "ConfigMap") {
			if c.Namespace == "collector" {
				text = c.Data["prometheus.yaml"]
			}
		}
		read, err := config.Load(text, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatalf("%s: %v", cluster, err)
		}
		jobs, err := read.GetScrapeConfigs()
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range jobs {
			if job.SampleLimit == 0 || job.BodySizeLimit == 0 {
				t.Errorf("%s: job %s is not bounded", cluster, job.JobName)
			}
			for _, discovery := range job.ServiceDiscoveryConfigs {
				if sd, ok := discovery.(*kubernetes.SDConfig); !ok || sd.Role != kubernetes.RolePod || len(sd.NamespaceDiscovery.Names) == 0 {
					t.Errorf("%s: job %s looks for more than pods of named namespaces, which it has no right to", cluster, job.JobName)
				}
			}
		}
	}
}

// TestItMayReadPodsOfThePlatformOnly freezes the rights: whoever holds the collector's token has them, too.
func TestItMayReadPodsOfThePlatformOnly(t *testing.T) {
	all := rendered(t, "example-aws")
	var everywhere, in []string
	for _, b := range as[rbacv1.ClusterRoleBinding](t, all, "ClusterRoleBinding") {
		if b.Subjects[0].Namespace == "collector" {
			everywhere = append(everywhere, b.RoleRef.Name)
		}
	}
	for _, b := range as[rbacv1.RoleBinding](t, all, "RoleBinding") {
		if b.Subjects[0].Namespace == "collector" && b.RoleRef.Name == "collector-pods" {
			in = append(in, b.Namespace)
		}
	}
	slices.Sort(in)
	if want := []string{"cert-manager", "cluster-autoscaler", "collector", "cortex", "external-dns", "flux-system", "loki", "proxy", "syncer"}; !slices.Equal(in, want) {
		t.Errorf("it sees pods in %v, want %v", in, want)
	}
	if !slices.Equal(everywhere, []string{"collector-nodes"}) {
		t.Errorf("it may do %v everywhere", everywhere)
	}
	for _, role := range as[rbacv1.ClusterRole](t, all, "ClusterRole") {
		var can []string
		for _, rule := range role.Rules {
			can = append(can, strings.Join(rule.Verbs, ",")+" "+strings.Join(rule.Resources, ","))
		}
		want := map[string]string{"collector-pods": "get,list,watch pods", "collector-nodes": "get nodes/metrics"}[role.Name]
		if want != "" && strings.Join(can, "; ") != want {
			t.Errorf("%s may %v, want %s", role.Name, can, want)
		}
	}
}

// TestItReachesWhatItScrapes: a closed port is an alert that never comes.
func TestItReachesWhatItScrapes(t *testing.T) {
	ports := map[string]string{"cortex": "http", "loki": "http", "proxy": "admin", "syncer": "admin", "collector": "http", "cluster-autoscaler": "http"}
	labels := map[string]string{"app.kubernetes.io/name": "collector", "app.kubernetes.io/component": "collector"}
	for _, cluster := range examples() {
		all := rendered(t, cluster)
		policies := map[string][]*network.Policy{}
		for _, p := range as[networkingv1.NetworkPolicy](t, all, "NetworkPolicy") {
			ready, err := network.New(p)
			if err != nil {
				t.Fatal(err)
			}
			policies[p.Namespace] = append(policies[p.Namespace], ready)
		}
		from := network.Pod{Namespace: "collector", Labels: labels}
		met := map[string]bool{}
		check := func(namespace, name string, template corev1.PodTemplateSpec) {
			for _, container := range template.Spec.Containers {
				for _, port := range container.Ports {
					to := network.Pod{Namespace: namespace, Labels: template.Labels, Ports: container.Ports}
					at := network.Port{Number: port.ContainerPort, Protocol: corev1.ProtocolTCP}
					reached := network.Egress(policies["collector"], from, to, at).Allowed && network.Ingress(policies[namespace], from, to, at).Allowed
					wanted := ports[namespace] == port.Name || namespace == "proxy" && port.Name == "internal"
					met[namespace] = met[namespace] || wanted
					if reached != wanted && port.Name != "public" {
						t.Errorf("%s: the collector reaches port %s of %s/%s: %v", cluster, port.Name, namespace, name, reached)
					}
				}
			}
		}
		for _, d := range as[appsv1.Deployment](t, all, "Deployment") {
			check(d.Namespace, d.Name, d.Spec.Template)
		}
		for _, s := range as[appsv1.StatefulSet](t, all, "StatefulSet") {
			check(s.Namespace, s.Name, s.Spec.Template)
		}
		for namespace := range ports {
			if !met[namespace] && (namespace != "cluster-autoscaler" || cluster == "example-aws") {
				t.Errorf("%s: no pod of %s was looked at", cluster, namespace)
			}
		}
	}
}
