package advice_test

import (
	"time"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/tenant"
)

func tenantCases() []ruleCase {
	first := func(edit func(*tenant.Tenant)) func(*world) {
		return func(w *world) { edit(w.tenants[0]) }
	}
	access := func(namespace, account string) func(*world) {
		return first(func(t *tenant.Tenant) {
			t.Access = []tenant.Access{{Namespace: namespace, ServiceAccount: account, Scopes: []string{"logs:write"}}}
		})
	}
	both := func(a, b string) func(*world) {
		return func(w *world) {
			access("apps", a)(w)
			w.tenants[1].Access = []tenant.Access{{Namespace: "apps", ServiceAccount: b, Scopes: []string{"logs:write"}}}
		}
	}
	return []ruleCase{
		{"tenant-limit", "series", first(func(t *tenant.Tenant) { t.Metrics.ActiveSeries = 6e6 }), "a limit of 6M series on a cluster that is built for 5M", warned},
		{"tenant-limit", "typing error", first(func(t *tenant.Tenant) { t.Metrics.ActiveSeries = 150e6 }), "a limit of 150M series", refused},
		{"tenant-limit", "logs", first(func(t *tenant.Tenant) { t.Logs.BytesPerDay = 1e12 }), "a limit of 1TB a day", warned},
		{"tenant-limit", "all of it", first(func(t *tenant.Tenant) { t.Metrics.ActiveSeries = 5e6 }), "", false},
		{"tenant-retention", "an hour", first(func(t *tenant.Tenant) { t.Metrics.Retention = quantity.Duration(time.Hour) }), "shorter than one block", refused},
		{"tenant-retention", "half a day", first(func(t *tenant.Tenant) { t.Metrics.Retention = day / 2 }), "shorter than a compacted block", warned},
		{"tenant-retention", "logs by the hour", first(func(t *tenant.Tenant) { t.Logs.Retention = 36 * day / 24 }), "for logs is not a whole number", refused},
		{"tenant-retention", "much for long", first(func(t *tenant.Tenant) { t.Class, t.Metrics.Retention = tenant.Large, 365*day }), "make it store 4.1 times as much", warned},
		{"tenant-retention", "little for long", first(func(t *tenant.Tenant) { t.Metrics.Retention = 365 * day }), "", false},
		{"tenant-query-range", "past retention", first(func(t *tenant.Tenant) { t.Metrics.Retention, t.Metrics.MaxQueryRange = 7*day, 8*day }), "reach past the retention of 7d", refused},
		{"tenant-query-range", "past the cluster's", first(func(t *tenant.Tenant) { t.Logs.Retention, t.Logs.MaxQueryRange = 60*day, 60*day }), "sized for 30d", warned},
		{"tenant-query-range", "short retention", first(func(t *tenant.Tenant) { t.Logs.Retention = 7 * day }), "", false},
		{"tenant-samples", "too few", first(func(t *tenant.Tenant) { t.Metrics.SamplesPerSecond = 1000 }), "send 5000 samples/s, 1000 are allowed", warned},
		{"tenant-samples", "enough", first(func(t *tenant.Tenant) { t.Metrics.SamplesPerSecond = 5000 }), "", false},
		{"tenant-shard-size", "fewer than copies", first(func(t *tenant.Tenant) { t.Metrics.ShardSize = 2 }), "2 ingesters cannot hold the 3 copies", refused},
		{"tenant-shard-size", "uneven", first(func(t *tenant.Tenant) { t.Metrics.ShardSize = 7 }), "Cortex takes 9", warned},
		{"tenant-shard-size", "even", first(func(t *tenant.Tenant) { t.Metrics.ShardSize = 6 }), "", false},
		{"tenant-ha-dedup", "with gossip", first(func(t *tenant.Tenant) { t.Metrics.HADedup = &tenant.HADedup{} }), "", false},
		{"tenant-ha-dedup", "alone", func(w *world) {
			w.cluster.Options.Topology = cluster.SingleBinary
			w.tenants[0].Metrics.HADedup = &tenant.HADedup{}
		}, "pairs of Prometheus servers cannot be told apart on cluster", refused},
		{"tenant-streams", "too many", first(func(t *tenant.Tenant) { t.Logs.Streams = 200e3 }), "200k streams", warned},
		{"tenant-streams", "many", first(func(t *tenant.Tenant) { t.Logs.Streams = 100e3 }), "", false},
		{"tenant-out-of-order", "a day", first(func(t *tenant.Tenant) { t.Metrics.OutOfOrder = day }), "1d late", warned},
		{"tenant-roles", "owner", first(func(t *tenant.Tenant) { t.Grafana.Roles = map[string][]string{"Owner": {"a"}} }), `no role "Owner"`, refused},
		{"tenant-roles", "all", first(func(t *tenant.Tenant) { t.Grafana.Roles = map[string][]string{"Admin": {"a"}, "Viewer": {"b"}} }), "", false},
		{"tenant-access-namespace", "platform", access("cortex", "cortex"), "the namespace cortex is the platform's", refused},
		{"tenant-access-namespace", "flux", access("flux-system", ""), "is the platform's", refused},
		{"tenant-access-namespace", "another tenant's", access("tenant-search", ""), "is that of tenant search", refused},
		{"tenant-access-namespace", "not a name", access("Apps_1", ""), "is not the name of a namespace", refused},
		{"tenant-access-namespace", "own", access("tenant-payments", "agent"), "", false},
		{"tenant-access-namespace", "system watches", func(w *world) { access("cortex", "collector")(w); w.tenants[0].Name = tenant.System }, "", false},
		{"tenant-access-shared", "namespace", both("", ""), "every pod of namespace apps already acts for tenant payments", refused},
		{"tenant-access-shared", "account", both("agent", "agent"), "service account agent of namespace apps already acts", refused},
		{"tenant-access-shared", "two accounts", both("a", "b"), "", false},
	}
}
