package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/tenant"
)

func newTenantRemoveCommand(a *app) *cobra.Command {
	var yes, erase bool
	var id string
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Delete a tenant's folder, and say what stays; then, if it must be, its data",
		Long: `Remove deletes tenants/NAME/ from the repository and writes the tenant's ID into tenants/removed.yaml. Nothing is
deleted in a cluster before that is rendered and merged, and no data then either: it stays until its retention, and no
other tenant can read it. On a terminal the name must be typed once more; elsewhere --yes is needed.

With --erase, a tenant that was removed before is marked in tenants/removed.yaml: once that is merged, its clusters have
Cortex and Loki delete its data. A tenant that is still in Git cannot be erased: its agents would go on writing.`,
		Example: `  opsgen tenant remove payments
  opsgen tenant remove payments --yes
  opsgen tenant remove payments --erase
  opsgen tenant remove payments --erase --id payments-k7x2q`,
		Args:              oneArgument("the name of a tenant"),
		ValidArgsFunction: a.completeTenant,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			switch {
			case erase:
				return a.eraseTenant(cmd, arguments[0], id, yes)
			case id != "":
				return usage("--id is for --erase: a tenant that is in Git has one ID")
			}
			return a.removeTenant(cmd, arguments[0], yes)
		},
	}
	cmd.Flags().BoolVar(&erase, "erase", false, "have the data of a tenant deleted that was removed before")
	cmd.Flags().StringVar(&id, "id", "", "with --erase: which of several removed tenants of the name")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}

// leftBehind is what stays of a removed tenant on one cluster.
type leftBehind struct {
	Cluster        string `json:"cluster"`
	MetricsForUpTo string `json:"metricsForUpTo"`
	LogsForUpTo    string `json:"logsForUpTo"`
	Namespace      string `json:"namespace"`
}

func (a *app) removeTenant(cmd *cobra.Command, name string, yes bool) error {
	if name == tenant.System {
		return usage("the tenant %q watches the platform itself and is part of every cluster; it cannot be removed", name)
	}
	repo, t, err := a.findTenant(name)
	if err != nil {
		return err
	}
	left := leftOf(repo, t.Tenant)
	a.explainRemoval(t, left)
	if !yes {
		if err := a.confirm(cmd, name, "delete tenants/"+name); err != nil {
			return err
		}
	}
	// The ID first: a run that is killed between the two leaves a tenant that a render refuses, and no ID that is forgotten.
	if err := writeRemoved(repo.Root, append(repo.Removed, repository.Removed{
		Name: name, ID: t.DataID(), Clusters: t.Clusters, MetricsRetention: t.Metrics.Retention, LogsRetention: t.Logs.Retention,
	})); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(repo.Root, "tenants", name)); err != nil {
		return fmt.Errorf("tenants/%s could not be deleted wholly: %w; delete the rest by hand", name, err)
	}
	if a.json() {
		return a.writeJSON(map[string]any{"removed": "tenants/" + name, "id": t.DataID(), "stays": left})
	}
	fmt.Fprintf(a.stdout, "deleted tenants/%s; its ID %s is kept in %s\n", name, t.DataID(), repository.RemovedFile)
	fmt.Fprintln(a.stdout, "next: opsgen render && git add -A tenants clusters && open a pull request")
	_, err = fmt.Fprintf(a.stdout, "back: revert that pull request, or opsgen tenant add %s --reuse-data\n", name)
	return err
}

func leftOf(repo *repository.Repository, t *tenant.Tenant) []leftBehind {
	left := []leftBehind{}
	for _, c := range clustersOf(repo, t) {
		r := t.For(c.Cluster)
		left = append(left, leftBehind{
			Cluster: c.Name, MetricsForUpTo: r.Metrics.Retention.String(), LogsForUpTo: r.Logs.Retention.String(),
			Namespace: "tenant-" + t.Name,
		})
	}
	return left
}

// explainRemoval tells on stderr what goes and what stays.
func (a *app) explainRemoval(t *repository.Tenant, left []leftBehind) {
	files := len(t.Files.ByPath()) + 1
	fmt.Fprintf(a.stderr, "this deletes tenants/%s with %s. After the merge:\n", t.Name, progress.Count(files, "file"))
	fmt.Fprintln(a.stderr, "  goes    its Grafana, rules, alerting, limits and endpoints; its tokens are refused")
	for _, on := range left {
		fmt.Fprintf(a.stderr, "  stays   on %s: metrics for up to %s and logs for up to %s, under the ID %s; the namespace %s\n",
			on.Cluster, on.MetricsForUpTo, on.LogsForUpTo, t.DataID(), on.Namespace)
	}
	fmt.Fprintf(a.stderr, "A later tenant %q gets another ID and reads nothing of this, but would accept the tokens of today. If there are any,\nrevoke them first: opsgen token revoke --before now --tenant %s --cluster CLUSTER --reason removed\n", t.Name, t.Name)
}

// confirm asks for the tenant's name, before it is done what is said.
func (a *app) confirm(cmd *cobra.Command, name, what string) error {
	if !onTerminal(cmd.InOrStdin()) {
		return usage("nobody can be asked here; write --yes to %s\nnothing was changed", what)
	}
	fmt.Fprint(a.stderr, "type the tenant's name to go on: ")
	line := bufio.NewScanner(cmd.InOrStdin())
	if !line.Scan() || strings.TrimSpace(line.Text()) != name {
		return usage("that is not %q; nothing was changed", name)
	}
	return nil
}
