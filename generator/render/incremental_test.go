package render_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// patchOfSyncer is a team's own patch.
const patchOfSyncer = `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- target: {kind: Deployment}
  patch: |
    - {op: add, path: /metadata/annotations/team, value: sre}
`

// onBoth names things of the two clusters that the example tenant search lives on.
func onBoth(things ...string) []string {
	var names []string
	for _, cluster := range []string{"example-aws ", "example-gcp "} {
		for _, thing := range things {
			names = append(names, cluster+thing)
		}
	}
	return names
}

// TestChangesCostWhatTheyTouch goes through the life of a repository: each change renders the units that depend on it
// and no others, and writes the files that differ and no others.
func TestChangesCostWhatTheyTouch(t *testing.T) {
	root, cache := repository(t), t.TempDir()
	run(t, options(root, cache))
	for _, step := range []struct {
		name     string
		change   func()
		rendered []string
		changed  []string
	}{
		{name: "nothing", change: func() {}},
		{
			name:     "a comment in a base",
			change:   func() { replace(t, root, "bases/loki/zone.jsonnet", "function(", "# a comment\nfunction(") },
			rendered: onBoth("platform/loki-zone-a", "platform/loki-zone-b", "platform/loki-zone-c"),
		},
		{
			name: "a tenant's limit",
			change: func() {
				replace(t, root, "tenants/search/tenant.yaml", "class: medium", "class: medium\nmetrics: {activeSeries: 900k}")
			},
			rendered: onBoth("config/cortex-tenants", "config/loki-tenants", "config/proxy-tenants", "config/syncer-tenants", "tenants/search"),
			changed: onBoth("changed config/cortex-tenants/configmap-cortex-limits.yaml", "changed config/proxy-tenants/configmap-proxy-tenants-0.yaml",
				"changed tenants/search/configmap-dashboard-opsgen-usage-a8e6bf.yaml"),
		},
		{
			name: "an image",
			change: func() {
				replace(t, root, "versions.yaml", "repository: ghcr.io/versity/versitygw\n    tag: v1.8.0", "repository: ghcr.io/versity/versitygw\n    tag: v1.8.1")
			},
			rendered: []string{"example-local platform/object-store"},
			changed:  []string{"example-local changed platform/object-store/statefulset-object-store.yaml"},
		},
		{
			name: "a patch of one cluster",
			change: func() {
				write(t, root, "clusters/example-gcp/patches/syncer/kustomization.yaml", patchOfSyncer)
			},
			rendered: []string{"example-gcp config/syncer", "example-gcp config/syncer-tenants", "example-gcp platform/syncer"},
			changed:  []string{"example-gcp changed platform/syncer/deployment-syncer.yaml"},
		},
		{
			name:     "back to before",
			change:   func() { replace(t, root, "versions.yaml", "tag: v1.8.1", "tag: v1.8.0") },
			rendered: []string{"example-local platform/object-store"},
			changed:  []string{"example-local changed platform/object-store/statefulset-object-store.yaml"},
		},
	} {
		step.change()
		report := run(t, options(root, cache))
		if diff := cmp.Diff(step.rendered, report.Rendered, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s renders other units than those that depend on it:\n%s", step.name, diff)
		}
		if diff := cmp.Diff(step.changed, changed(report)); diff != "" {
			t.Errorf("%s changes other files than expected:\n%s", step.name, diff)
		}
		if report.UpToDate() != (len(step.changed) == 0) {
			t.Errorf("%s: up to date is %t", step.name, report.UpToDate())
		}
	}
}

// TestRemovedComponentIsPruned takes a component and a tenant away: their folders go, nothing else does.
func TestRemovedComponentIsPruned(t *testing.T) {
	root, cache := repository(t), t.TempDir()
	run(t, options(root, cache, "example-gcp"))
	before := files(t, filepath.Join(root, "clusters/example-gcp/rendered"))
	write(t, root, "clusters/example-gcp/cluster.yaml", read(t, root, "clusters/example-gcp/cluster.yaml")+"\ncomponents: {external-dns: {enabled: false}}\n")
	if err := os.RemoveAll(filepath.Join(root, "tenants/search")); err != nil {
		t.Fatal(err)
	}
	run(t, options(root, cache, "example-gcp"))
	after := files(t, filepath.Join(root, "clusters/example-gcp/rendered"))
	for name := range before {
		gone := strings.HasPrefix(name, "controllers/external-dns/") || strings.HasPrefix(name, "tenants/search/")
		if _, there := after[name]; gone && there {
			t.Errorf("%s is still there", name)
		} else if !gone && !there && !strings.Contains(name, "external-dns") && !strings.Contains(name, "search") && !strings.Contains(name, "tenants-") {
			t.Errorf("%s is gone", name)
		}
	}
}

// TestRegistryTakesEveryImage renders for a private registry: no pod may reach for another, nor any flag name one.
func TestRegistryTakesEveryImage(t *testing.T) {
	root := repository(t)
	write(t, root, "clusters/example-local/cluster.yaml", read(t, root, "clusters/example-local/cluster.yaml")+"\nregistry: registry.example.com/mirror\n")
	run(t, options(root, t.TempDir(), "example-local"))
	images := 0
	for name := range files(t, filepath.Join(root, "clusters/example-local/rendered")) {
		for _, line := range strings.Split(read(t, root, "clusters/example-local/rendered/"+name), "\n") {
			_, reference, found := strings.Cut(line, "image: ")
			if flag, value, ok := strings.Cut(line, "image="); ok && strings.Contains(flag, "--") {
				reference, found = value, true
			}
			if !found || strings.Contains(name, "customresourcedefinition") {
				continue
			}
			images++
			if !strings.HasPrefix(strings.Trim(reference, `"'`), "registry.example.com/mirror/") {
				t.Errorf("%s: %s", name, strings.TrimSpace(line))
			}
		}
	}
	if images < 10 {
		t.Errorf("only %d images were looked at", images)
	}
}

// TestChosenOverlayComesAfterTheProviders chooses an overlay that the examples do not use.
func TestChosenOverlayComesAfterTheProviders(t *testing.T) {
	root := repository(t)
	write(t, root, "clusters/example-local/cluster.yaml", read(t, root, "clusters/example-local/cluster.yaml")+"\noverlays: [nodeport]\n")
	run(t, options(root, t.TempDir(), "example-local"))
	service := read(t, root, "clusters/example-local/rendered/platform/proxy/service-proxy.yaml")
	for _, want := range []string{"type: NodePort", "nodePort: 30443", "externalTrafficPolicy: Cluster"} {
		if !strings.Contains(service, want) {
			t.Errorf("the Service has no %q:\n%s", want, service)
		}
	}
}
