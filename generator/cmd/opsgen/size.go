package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/render"
	"github.com/opsgen/opsgen/generator/sizing"
)

// sizeReport is the size of one cluster.
type sizeReport struct {
	Cluster string        `json:"cluster"`
	Sizing  sizing.Sizing `json:"sizing"`
	Total   sizing.Sum    `json:"total"`
	// Nodes is the number of standard nodes (8 cores, 32 GiB) that carry it.
	Nodes int `json:"nodes"`
}

func newSizeCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "size CLUSTER",
		Short: "Show what a cluster's capacity turns into",
		Long: `Size shows the replicas, requests and volumes that follow from the capacity in cluster.yaml, with the arithmetic
of each. Every figure can be overridden under components; docs/sizing.md explains the formulas and their sources.`,
		Example: `  opsgen size prod
  opsgen size prod -o json | jq .total`,
		Args:              oneArgument("the name of a cluster"),
		ValidArgsFunction: a.completeCluster,
		RunE: func(_ *cobra.Command, arguments []string) error {
			return a.size(arguments[0])
		},
	}
}

func (a *app) size(name string) error {
	repo, err := a.loadRepository([]string{name})
	if err != nil {
		return err
	}
	sizes, err := render.Sizes(repo)
	if err != nil {
		return err
	}
	if len(sizes) != 1 {
		return fmt.Errorf("size %s: it was sized %d times", name, len(sizes))
	}
	report := sizeReport{Cluster: name, Sizing: sizes[0], Total: sizing.Total(sizes[0]), Nodes: sizing.Nodes(sizes[0], "")}
	if a.json() {
		return a.writeJSON(report)
	}
	return a.printSize(report)
}

func (a *app) printSize(r sizeReport) error {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WORKLOAD\tPODS\tCPU\tMEMORY\tVOLUME\tWHY")
	for _, e := range r.Sizing.Entries() {
		why := e.Why
		if e.Overridden {
			why = "overridden in cluster.yaml; computed: " + why
		}
		fmt.Fprintf(table, "%s/%s\t%s\t%s\t%s\t%s\t%s\n", e.Component, e.Name, pods(e.Workload), e.CPU, e.Memory, orDash(e.Storage), why)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "\nin all: %s, %.1f cores, %.0f GiB of memory, %.0f GiB of volumes; about %s of 8 cores and 32 GiB\n",
		progress.Count(r.Total.Pods, "pod"), r.Total.CPU, gib(r.Total.Memory), gib(r.Total.Storage), progress.Count(r.Nodes, "node"))
	return err
}

// pods is the number of pods, as "replicas × zones" where that is how they are.
func pods(w sizing.Workload) string {
	switch {
	case w.Sidecar:
		return "sidecar"
	case w.Zones > 1:
		return fmt.Sprintf("%d × %d zones", w.Replicas, w.Zones)
	case w.Tenants > 1:
		return fmt.Sprintf("%d × %d tenants", w.Replicas, w.Tenants)
	default:
		return fmt.Sprint(w.Replicas)
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func gib(bytes int64) float64 { return float64(bytes) / (1 << 30) }
