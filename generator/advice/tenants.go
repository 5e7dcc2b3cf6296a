package advice

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/tenant"
)

// tenantRules look at the tenants of the cluster.
func tenantRules() []rule {
	return []rule{
		{"tenant-limit", "A tenant that may use more than the whole cluster can take it down for all.", checkTenantLimits},
		{"tenant-retention", "Retention is deleted by block and by day; much data that is kept longer than the cluster's retention is not counted in its size.", checkTenantRetention},
		{"tenant-query-range", "A tenant's queries cannot reach past its retention, and the queriers are sized for the cluster's range.", checkTenantQueryRange},
		{"tenant-samples", "A limit of samples below what the series send drops samples all the time.", checkTenantSamples},
		{"tenant-streams", "Loki advises less than 100,000 active streams in one tenant; more are mostly labels that should be in the lines.", checkTenantStreams},
		{"tenant-out-of-order", "Late samples are kept in memory; a window of hours costs as much as the series.", checkTenantOutOfOrder},
		{"tenant-shard-size", "A tenant's samples need as many ingesters as there are copies, the same number in each zone.", checkTenantShardSize},
		{"tenant-ha-dedup", "Distributors tell each other by gossip whose samples they take; a single process has none.", checkTenantHADedup},
		{"tenant-roles", "Grafana knows the roles Admin, Editor and Viewer.", checkTenantRoles},
		{"tenant-access-namespace", "Pods of the platform's namespaces are the platform's, not a tenant's.", checkAccessNamespace},
		{"tenant-access-shared", "A caller acts for one tenant: two that claim it cannot be told apart.", checkAccessShared},
	}
}

// typingError is how many times the whole cluster a tenant's limit must be to be taken for a mistake.
const typingError = 10

func checkTenantLimits(r *report) {
	check := func(t Tenant, path string, limit, capacity int64, limitText, capacityText string) {
		hint := fmt.Sprintf("Write at most %s, or raise the cluster's capacity.", capacityText)
		switch {
		case limit > typingError*capacity:
			r.refuseTenant(t, path, hint, "a limit of %s on a cluster that is built for %s in all", limitText, capacityText)
		case limit > capacity:
			r.warnTenant(t, path, hint, "a limit of %s on a cluster that is built for %s in all", limitText, capacityText)
		}
	}
	series, bytes := r.Cluster.Capacity.Metrics.ActiveSeries, r.Cluster.Capacity.Logs.BytesPerDay
	for _, t := range r.Tenants {
		m, l := t.Resolved.Metrics, t.Resolved.Logs
		check(t, "metrics.activeSeries", int64(m.ActiveSeries), int64(series), m.ActiveSeries.String()+" series", series.String())
		check(t, "logs.bytesPerDay", int64(l.BytesPerDay), int64(bytes), l.BytesPerDay.String()+" a day", bytes.String())
	}
}

func checkTenantRetention(r *report) {
	capacity := r.Cluster.Capacity
	var metrics, logs float64
	for _, t := range r.Tenants {
		m, l := t.Resolved.Metrics, t.Resolved.Logs
		switch {
		case t.Written.Metrics.Retention == 0: // the cluster's own, which is weighed there
		case m.Retention < blockRange:
			r.refuseTenant(t, "metrics.retention", "Write 1d or more.", "a retention of %s is shorter than one block (2h)", m.Retention)
		case m.Retention < day:
			r.warnTenant(t, "metrics.retention", "Write 1d or more.", "a retention of %s is shorter than a compacted block (1d): samples are deleted a day late", m.Retention)
		}
		if why := logRetentionProblem(l.Retention); why != "" && t.Written.Logs.Retention != 0 {
			r.refuseTenant(t, "logs.retention", wholeDays(l.Retention), "a retention of %s for logs %s", l.Retention, why)
		}
		metrics += float64(m.ActiveSeries) * max(0, float64(m.Retention-capacity.Metrics.Retention))
		logs += float64(l.BytesPerDay) * max(0, float64(l.Retention-capacity.Logs.Retention))
	}
	check := func(path, what string, more, all float64) {
		if all > 0 && more > all/4 {
			r.warn(path, "Raise it to what most of the data is kept for, so that stores are sized for it.",
				"tenants that keep %s longer than the cluster's retention make it store %.1f times as much", what, 1+more/all)
		}
	}
	check("capacity.metrics.retention", "metrics", metrics, float64(capacity.Metrics.ActiveSeries)*float64(capacity.Metrics.Retention))
	check("capacity.logs.retention", "logs", logs, float64(capacity.Logs.BytesPerDay)*float64(capacity.Logs.Retention))
}

func checkTenantQueryRange(r *report) {
	check := func(t Tenant, path string, reach, retention, most quantity.Duration) {
		switch {
		case reach > retention:
			r.refuseTenant(t, path, fmt.Sprintf("Write at most %s, or a longer retention.", retention),
				"queries over %s reach past the retention of %s", reach, retention)
		case reach > most:
			r.warnTenant(t, path, fmt.Sprintf("Write at most %s, or raise maxQueryRange in cluster.yaml.", most), "queries over %s on a cluster whose queriers are sized for %s", reach, most)
		}
	}
	capacity := r.Cluster.Capacity
	for _, t := range r.Tenants {
		m, l := t.Resolved.Metrics, t.Resolved.Logs
		check(t, "metrics.maxQueryRange", m.MaxQueryRange, m.Retention, capacity.Metrics.MaxQueryRange)
		check(t, "logs.maxQueryRange", l.MaxQueryRange, l.Retention, capacity.Logs.MaxQueryRange)
	}
}

func checkTenantSamples(r *report) {
	seconds := time.Duration(r.Cluster.Capacity.Metrics.ScrapeInterval).Seconds()
	for _, t := range r.Tenants {
		m := t.Resolved.Metrics
		if need := quantity.Count(float64(m.ActiveSeries) / seconds); m.SamplesPerSecond < need {
			r.warnTenant(t, "metrics.samplesPerSecond", fmt.Sprintf("Write at least %d, or leave it out.", need),
				"%s series every %s send %d samples/s, %d are allowed", m.ActiveSeries, r.Cluster.Capacity.Metrics.ScrapeInterval, need, m.SamplesPerSecond)
		}
	}
}

func checkTenantStreams(r *report) {
	for _, t := range r.Tenants {
		if streams := t.Resolved.Logs.Streams; streams > 100e3 {
			r.warnTenant(t, "logs.streams", "Write 100k or less, and keep pod names and IDs out of labels.", "%s streams make chunks tiny and queries slow", streams)
		}
	}
}

func checkTenantOutOfOrder(r *report) {
	for _, t := range r.Tenants {
		if window := t.Resolved.Metrics.OutOfOrder; window > quantity.Duration(time.Hour) {
			r.warnTenant(t, "metrics.outOfOrder", "Write 30m or less.", "samples may be %s late: they are kept in memory for as long", window)
		}
	}
}

func checkTenantShardSize(r *report) {
	copies := r.Cluster.Options.Replication
	for _, t := range r.Tenants {
		size := t.Resolved.Metrics.ShardSize
		switch {
		case size == 0:
		case size < copies:
			r.refuseTenant(t, "metrics.shardSize", fmt.Sprintf("Write %d or more, or 0 for all ingesters.", copies),
				"%d ingesters cannot hold the %d copies of a sample", size, copies)
		case size%copies != 0:
			taken := (size/copies + 1) * copies
			r.warnTenant(t, "metrics.shardSize", fmt.Sprintf("Write %d.", taken),
				"%d ingesters are not the same number in each of %d zones; Cortex takes %d", size, copies, taken)
		}
	}
}

func checkTenantHADedup(r *report) {
	if r.Cluster.Options.Topology != cluster.SingleBinary {
		return
	}
	for _, t := range r.Tenants {
		if t.Resolved.Metrics.HADedup != nil {
			r.refuseTenant(t, "metrics.haDedup", "Send from one Prometheus server there, or leave this cluster out.", "pairs of Prometheus servers cannot be told apart on cluster %s, where Cortex is a single process", r.Cluster.Name)
		}
	}
}

func checkTenantRoles(r *report) {
	known := []string{"Admin", "Editor", "Viewer"}
	for _, t := range r.Tenants {
		for _, role := range slices.Sorted(maps.Keys(t.Resolved.Grafana.Roles)) {
			if !slices.Contains(known, role) {
				r.refuseTenant(t, "grafana.roles."+role, document.Suggest(role, known, "Roles are "), "Grafana has no role %q", role)
			}
		}
	}
}

// platformNamespaces hold the platform itself.
func platformNamespaces() []string {
	return []string{
		"flux-system", "cert-manager", "external-dns", "cortex", "loki", "proxy", "syncer", "collector", "object-store",
		"kube-system", "kube-public", "kube-node-lease",
	}
}

func checkAccessNamespace(r *report) {
	for _, t := range r.Tenants {
		for i, access := range t.Resolved.Access {
			path := fmt.Sprintf("access[%d].namespace", i)
			owner, isTenants := strings.CutPrefix(access.Namespace, "tenant-")
			switch {
			case len(access.Namespace) > 63 || !dnsLabel.MatchString(access.Namespace):
				r.refuseTenant(t, path, "Write lower-case letters, digits and hyphens.", "%q is not the name of a namespace", access.Namespace)
			case slices.Contains(platformNamespaces(), access.Namespace) && t.Resolved.Name != tenant.System:
				r.refuseTenant(t, path, "Name the namespace of the team's own pods.", "the namespace %s is the platform's", access.Namespace)
			case isTenants && owner != t.Resolved.Name && r.hasTenant(owner):
				r.refuseTenant(t, path, "Name the namespace of the team's own pods.", "the namespace %s is that of tenant %s", access.Namespace, owner)
			}
		}
	}
}

func (r *report) hasTenant(name string) bool {
	return slices.ContainsFunc(r.Tenants, func(t Tenant) bool { return t.Resolved.Name == name })
}

func checkAccessShared(r *report) {
	owners := map[string]string{}
	for _, t := range r.Tenants {
		for i, access := range t.Resolved.Access {
			caller := access.Namespace + "/" + access.ServiceAccount
			owner, taken := owners[caller]
			if taken && owner != t.Resolved.Name {
				who := "service account " + access.ServiceAccount + " of namespace " + access.Namespace
				if access.ServiceAccount == "" {
					who = "every pod of namespace " + access.Namespace
				}
				r.refuseTenant(t, fmt.Sprintf("access[%d]", i), "Give each tenant's pods a service account of their own, and name it in both files.", "%s already acts for tenant %s", who, owner)
				continue
			}
			owners[caller] = t.Resolved.Name
		}
	}
}
