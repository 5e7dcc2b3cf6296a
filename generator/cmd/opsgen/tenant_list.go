package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/tenant"
)

// listedTenant is a tenant with what it may on each of its clusters.
type listedTenant struct {
	Name        string   `json:"name"`
	ID          string   `json:"id"`
	DisplayName string   `json:"displayName"`
	Owners      []string `json:"owners"`
	// Clusters are in the order of their names.
	Clusters []tenantOnCluster `json:"clusters"`
}

// tenantOnCluster is a tenant with everything filled in for one cluster.
type tenantOnCluster struct {
	Cluster string         `json:"cluster"`
	Class   string         `json:"class"`
	Metrics tenant.Metrics `json:"metrics"`
	Logs    tenant.Logs    `json:"logs"`
	Grafana tenant.Grafana `json:"grafana"`
	// Origins say where each value comes from, by its path in tenant.yaml.
	Origins map[string]tenant.Origin `json:"origins,omitempty"`
}

func newTenantListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the tenants with their limits",
		Long: `List shows the tenants with their class, limits, retention and clusters. Where these differ from cluster to cluster,
the smallest and the largest value are shown; opsgen tenant show NAME has them all.`,
		Example: `  opsgen tenant list
  opsgen tenant list -o json | jq '.[].name'`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return a.listTenants() },
	}
}

func (a *app) listTenants() error {
	repo, err := a.loadRepository(nil)
	if err != nil {
		return err
	}
	tenants := make([]listedTenant, 0, len(repo.Tenants))
	for i := range repo.Tenants {
		tenants = append(tenants, listTenant(repo, repo.Tenants[i].Tenant, false))
	}
	if a.json() {
		return a.writeJSON(tenants)
	}
	if len(tenants) == 0 {
		_, err := fmt.Fprintln(a.stdout, "there are no tenants; make one with opsgen tenant add NAME")
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TENANT\tCLASS\tSERIES\tSAMPLES/S\tMETRICS KEPT\tLOGS A DAY\tSTREAMS\tLOGS KEPT\tCLUSTERS")
	for _, t := range tenants {
		clusters := make([]string, len(t.Clusters))
		for i, on := range t.Clusters {
			clusters[i] = on.Cluster
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", t.Name, t.span(func(on tenantOnCluster) string { return on.Class }),
			t.span(func(on tenantOnCluster) string { return on.Metrics.ActiveSeries.String() }),
			t.span(func(on tenantOnCluster) string { return on.Metrics.SamplesPerSecond.String() }),
			t.span(func(on tenantOnCluster) string { return on.Metrics.Retention.String() }),
			t.span(func(on tenantOnCluster) string { return on.Logs.BytesPerDay.String() }),
			t.span(func(on tenantOnCluster) string { return on.Logs.Streams.String() }),
			t.span(func(on tenantOnCluster) string { return on.Logs.Retention.String() }), strings.Join(clusters, ", "))
	}
	return table.Flush()
}

// listTenant resolves a tenant on each of its clusters.
func listTenant(repo *repository.Repository, t *tenant.Tenant, origins bool) listedTenant {
	listed := listedTenant{Name: t.Name, ID: t.DataID(), DisplayName: t.DisplayName, Owners: append([]string{}, t.Owners...), Clusters: []tenantOnCluster{}}
	orDefault(&listed.DisplayName, t.Name)
	for _, c := range clustersOf(repo, t) {
		r, from := t.Resolve(c.Cluster)
		on := tenantOnCluster{Cluster: c.Name, Class: r.Class, Metrics: r.Metrics, Logs: r.Logs, Grafana: r.Grafana}
		if origins {
			on.Origins = from
		}
		listed.Clusters = append(listed.Clusters, on)
	}
	return listed
}

// span is a value of the tenant, or those of its clusters, where they differ.
func (t listedTenant) span(value func(tenantOnCluster) string) string {
	var different []string
	seen := map[string]bool{}
	for _, on := range t.Clusters {
		if text := value(on); !seen[text] {
			seen[text] = true
			different = append(different, text)
		}
	}
	return orDash(strings.Join(different, " / "))
}
