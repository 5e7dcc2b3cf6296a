package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/identity"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/tenant"
)

// shownTenant is a tenant with the places of what it has.
type shownTenant struct {
	listedTenant
	// Files is the number of files by kind.
	Files map[string]int `json:"files"`
	// Endpoints are the tenant's addresses by cluster.
	Endpoints map[string]map[string]string `json:"endpoints"`
	// Subjects are whom a cloud must trust, by the exporter that asks it.
	Subjects map[string]string `json:"subjects,omitempty"`
}

func newTenantShowCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show what a tenant gets on each cluster, and why",
		Long: `Show prints every limit of a tenant on each of its clusters with where it comes from: tenant.yaml, its class, the
cluster's tenantDefaults or capacity, or a default of opsgen. A derived value follows from another one of the tenant.`,
		Example: `  opsgen tenant show payments
  opsgen tenant show payments -o json | jq '.clusters[0].metrics.retention'`,
		Args:              oneArgument("the name of a tenant"),
		ValidArgsFunction: a.completeTenant,
		RunE:              func(_ *cobra.Command, arguments []string) error { return a.showTenant(arguments[0]) },
	}
}

func (a *app) showTenant(name string) error {
	repo, t, err := a.findTenant(name)
	if err != nil {
		return err
	}
	shown := shownTenant{listedTenant: listTenant(repo, t.Tenant, true), Files: countFiles(t.Files), Endpoints: map[string]map[string]string{}}
	for _, c := range clustersOf(repo, t.Tenant) {
		shown.Endpoints[c.Name] = map[string]string{"metrics": "https://metrics." + c.Domain, "logs": "https://logs." + c.Domain}
		if resolved := t.For(c.Cluster); *resolved.Grafana.Enabled {
			shown.Endpoints[c.Name]["grafana"] = "https://" + t.Name + "." + c.Domain
		}
	}
	for _, exporter := range t.Exporters.InClouds() {
		if shown.Subjects == nil {
			shown.Subjects = map[string]string{}
		}
		shown.Subjects[exporter] = identity.Exporter(t.Name, exporter).Subject()
	}
	if a.json() {
		return a.writeJSON(shown)
	}
	return a.printTenant(shown)
}

// kindsOfFiles are the kinds of files beside tenant.yaml, in the order in which they are told.
var kindsOfFiles = []struct{ key, noun string }{
	{"rules", "file of rules"},
	{"logRules", "file of log rules"},
	{"ruleTests", "file of tests"},
	{"templates", "template"},
	{"dashboards", "dashboard"},
}

func countFiles(f tenant.Files) map[string]int {
	counts := map[string]int{
		"rules": len(f.Rules), "logRules": len(f.LogRules), "ruleTests": len(f.RuleTests), "templates": len(f.Templates), "dashboards": len(f.Dashboards),
	}
	if f.Alertmanager != "" {
		counts["alertmanager"] = 1
	}
	return counts
}

func (a *app) printTenant(t shownTenant) error {
	var files []string
	for _, kind := range kindsOfFiles {
		switch count := t.Files[kind.key]; {
		case count == 1:
			files = append(files, "1 "+kind.noun)
		case count > 1:
			files = append(files, pluralOf(count, kind.noun))
		}
	}
	if t.Files["alertmanager"] > 0 {
		files = append(files, "alertmanager.yaml")
	}
	head := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(head, "tenant\t%s (%s)\nid\t%s\nowners\t%s\nfiles\t%s\n", t.Name, t.DisplayName, t.ID, orDash(strings.Join(t.Owners, ", ")), orDash(sentenceOf(files)))
	for _, on := range t.Clusters {
		endpoints := t.Endpoints[on.Cluster]
		texts := []string{endpoints["metrics"], endpoints["logs"]}
		if endpoints["grafana"] != "" {
			texts = append(texts, endpoints["grafana"])
		}
		fmt.Fprintf(head, "%s\t%s\n", on.Cluster, strings.Join(texts, "  "))
	}
	for _, exporter := range slices.Sorted(maps.Keys(t.Subjects)) {
		fmt.Fprintf(head, "%s\tis %s\n", exporter, t.Subjects[exporter])
	}
	if err := head.Flush(); err != nil {
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "\n")
	for _, on := range t.Clusters {
		fmt.Fprintf(table, "\t%s", strings.ToUpper(on.Cluster))
	}
	fmt.Fprint(table, "\n")
	for _, row := range tenantRows {
		fmt.Fprint(table, row.path)
		for _, on := range t.Clusters {
			fmt.Fprintf(table, "\t%s (%s)", row.value(on), originOf(on, row.path))
		}
		fmt.Fprint(table, "\n")
	}
	return table.Flush()
}

// pluralOf is "3 files of rules": of a noun with a complement, the first word takes the ending.
func pluralOf(count int, noun string) string {
	word, rest, _ := strings.Cut(noun, " ")
	return strings.TrimSpace(progress.Count(count, word) + " " + rest)
}

// originOf says where a value comes from.
func originOf(on tenantOnCluster, path string) string {
	origin := on.Origins[path]
	if origin == tenant.FromClass {
		return "class " + on.Class
	}
	return string(origin)
}

// tenantRows are the values that are shown, by their path in tenant.yaml.
var tenantRows = []struct {
	path  string
	value func(tenantOnCluster) string
}{
	{"class", func(on tenantOnCluster) string { return on.Class }},
	{"metrics.activeSeries", func(on tenantOnCluster) string { return on.Metrics.ActiveSeries.String() }},
	{"metrics.samplesPerSecond", func(on tenantOnCluster) string { return on.Metrics.SamplesPerSecond.String() }},
	{"metrics.retention", func(on tenantOnCluster) string { return on.Metrics.Retention.String() }},
	{"metrics.maxQueryRange", func(on tenantOnCluster) string { return on.Metrics.MaxQueryRange.String() }},
	{"metrics.outOfOrder", func(on tenantOnCluster) string { return on.Metrics.OutOfOrder.String() }},
	{"metrics.shardSize", func(on tenantOnCluster) string {
		if on.Metrics.ShardSize == 0 {
			return "all"
		}
		return fmt.Sprint(on.Metrics.ShardSize)
	}},
	{"logs.bytesPerDay", func(on tenantOnCluster) string { return on.Logs.BytesPerDay.String() }},
	{"logs.streams", func(on tenantOnCluster) string { return on.Logs.Streams.String() }},
	{"logs.retention", func(on tenantOnCluster) string { return on.Logs.Retention.String() }},
	{"logs.maxQueryRange", func(on tenantOnCluster) string { return on.Logs.MaxQueryRange.String() }},
	{"grafana.enabled", func(on tenantOnCluster) string { return fmt.Sprint(*on.Grafana.Enabled) }},
}
