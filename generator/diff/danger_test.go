package diff_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/diff"
)

const (
	cortexConfig = "platform/cortex/configmap-cortex.yaml"
	cortexLimits = "config/cortex-tenants/configmap-cortex-limits.yaml"
	lokiConfig   = "platform/loki/configmap-loki.yaml"
	proxyTenants = "config/proxy-tenants/configmap-proxy-tenants.yaml"
	syncerErase  = "config/syncer-tenants/configmap-syncer-erase.yaml"
	zoneA        = "platform/cortex/statefulset-ingester-zone-a.yaml"
	zoneB        = "platform/cortex/statefulset-ingester-zone-b.yaml"
	zoneC        = "platform/cortex/statefulset-ingester-zone-c.yaml"
	querier      = "platform/cortex/deployment-querier.yaml"
	policy       = "platform/cortex/networkpolicy-querier.yaml"
	searchRules  = "tenants/search/configmap-rules.yaml"
	fluxCortex   = "cluster/kustomization-platform-cortex.yaml"
	fluxProxy    = "cluster/kustomization-platform-proxy.yaml"
)

// line is a danger as a reviewer reads it.
func line(d diff.Danger) string {
	return d.Rule + " | " + d.Effect + ": " + strings.Join(d.Objects, ", ") + ": " + d.Message
}

// dangerous is a change, and the dangers that a reviewer reads.
type dangerous struct {
	change func(*testing.T, map[string]string)
	usage  diff.Usage
	want   []string
}

func dangerCases() map[string]dangerous {
	cases := map[string]dangerous{}
	for _, more := range []map[string]dangerous{dataCases(), schemaCases(), workloadCases(), fluxCases(), exposureCases()} {
		maps.Copy(cases, more)
	}
	return cases
}

func TestDangers(t *testing.T) {
	for name, test := range dangerCases() {
		t.Run(name, func(t *testing.T) {
			got := []string{}
			for _, d := range compare(t, test.usage, test.change).Dangers {
				got = append(got, line(d))
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEveryRuleFindsSomething(t *testing.T) {
	found := map[string]bool{"cluster-removed": true, "kubernetes-range": true} // these have tests of their own
	for _, test := range dangerCases() {
		for _, danger := range test.want {
			name, _, _ := strings.Cut(danger, " | ")
			found[name] = true
		}
	}
	for _, rule := range diff.Rules() {
		if !found[rule.Name] {
			t.Errorf("no test shows the danger %s", rule.Name)
		}
		if rule.Explains == "" {
			t.Errorf("%s is not explained", rule.Name)
		}
		delete(found, rule.Name)
	}
	for name := range found {
		t.Errorf("there is no rule %s", name)
	}
}

func TestNoDanger(t *testing.T) {
	used := diff.Usage{"prod": {"search": {ActiveSeries: 300_000}}}
	for name, test := range map[string]struct {
		change func(*testing.T, map[string]string)
		usage  diff.Usage
	}{
		"a tenant is added": {change: func(t *testing.T, files map[string]string) {
			for name, text := range tenantFiles("payments") {
				with(name, text)(t, files)
			}
			edit(proxyTenants, "{name: payments}", "{name: payments}, {name: cards}")(t, files)
		}},
		"a new tenant's namespace reaches the front door": {
			change: with("config/proxy-tenants/networkpolicy-callers.yaml", `
			apiVersion: networking.k8s.io/v1
			kind: NetworkPolicy
			metadata: {name: callers, namespace: cortex}
			spec:
			  podSelector: {}
			  ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: payments}}}], ports: [{port: 8443}]}]`),
		},
		"a period of the schema that has not begun is gone": {change: edit(lokiConfig, `- {from: "2027-01-01", store: tsdb, schema: v15}`, "")},
		"a period of the schema begins on a later day":      {change: edit(lokiConfig, `"2027-01-01"`, `"2027-02-01"`)},
		"a component with volumes moves to another layer": {change: func(t *testing.T, files map[string]string) {
			t.Helper()
			for name := range maps.Clone(files) {
				if file, in := strings.CutPrefix(name, "platform/cortex/"); in {
					rename(name, "controllers/cortex/"+file)(t, files)
				}
			}
			all(edit(fluxCortex, "name: platform-cortex", "name: controllers-cortex"),
				edit(fluxCortex, "rendered/platform/cortex", "rendered/controllers/cortex"))(t, files)
		}},
		"a retention grows":                        {change: edit(cortexLimits, "365d", "730d")},
		"a retention is written in another unit":   {change: edit(lokiConfig, "720h", "30d")},
		"a retention is taken away":                {change: edit(lokiConfig, "retention_period: 720h", "retention_period: 0s")},
		"a limit is lowered above the usage":       {change: edit(cortexLimits, "1000000", "500000"), usage: used},
		"a limit is raised":                        {change: edit(cortexConfig, "150000", "250000")},
		"a query's limit is lowered":               {change: edit(cortexConfig, "max_query_lookback: 90d", "max_query_lookback: 30d")},
		"an image moves by a patch":                {change: edit(querier, "v1.21.1", "v1.21.2")},
		"an image gets a digest":                   {change: edit(querier, "v1.21.1", "v1.21.1@sha256:00")},
		"replicas grow":                            {change: edit(zoneA, "replicas: 2", "replicas: 3")},
		"replicas shrink, and enough are left":     {change: edit(zoneA, "replicas: 2", "replicas: 1")},
		"a policy gets narrower":                   {change: edit(policy, "  ingress: [{from: [{podSelector: {matchLabels: {app: frontend}}}], ports: [{port: 9095}]}]", "  ingress: []")},
		"a rule's expression changes":              {change: edit(searchRules, "errors > 1", "errors > 2")},
		"a rule's file is written with other keys": {change: edit(searchRules, "slo.yaml", "slo2.yaml")},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range compare(t, test.usage, test.change).Dangers {
				got = append(got, line(d))
			}
			if len(got) > 0 {
				t.Error(strings.Join(got, "\n"))
			}
		})
	}
}
