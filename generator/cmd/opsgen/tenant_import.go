package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/importer"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/tenant"
)

func newTenantImportCommand(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "import NAME FOLDER|FILE…",
		Short: "Take over rules, alerting and dashboards from a kube-prometheus-stack",
		Long: `Import reads files and folders and writes what a tenant can have into tenants/NAME/: PrometheusRule objects and rule
files, an Alertmanager configuration (also from its Secret) with its templates, and dashboards from ConfigMaps and JSON.
Render Helm charts first: helm template … > stack.yaml. A living cluster is exported with
kubectl get prometheusrules,configmaps -n monitoring -o yaml > stack.yaml.

Data sources of dashboards become those that every tenant has. Secrets are never written: a reference to a Secret takes
their place. Nothing is overwritten, and what could not be taken is listed with the reason.`,
		Example: `  opsgen tenant import payments stack.yaml
  opsgen tenant import payments ../monitoring/rules ../monitoring/dashboards --dry-run`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) < 2 {
				return usage("%s needs the name of a tenant and what to import: %s\nSee %s --help", cmd.CommandPath(), cmd.UseLine(), cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: func(cmd *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
			if len(given) > 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return a.completeTenant(cmd, given, word)
		},
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return a.importTenant(cmd, arguments[0], arguments[1:], dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "write nothing, only say what would be")
	return cmd
}

func (a *app) importTenant(cmd *cobra.Command, name string, paths []string, dryRun bool) error {
	repo, _, err := a.findTenant(name)
	if err != nil {
		return err
	}
	here, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find the current folder: %w", err)
	}
	result, err := importer.Read(cmd.Context(), here, paths)
	if err != nil {
		return err
	}
	folder := filepath.Join(repo.Root, "tenants", name)
	keepWhatIsThere(folder, result)
	if !dryRun {
		if err := writeAll(folder, "tenants/"+name, result.Files); err != nil {
			return err
		}
	}
	if a.json() {
		return a.writeJSON(result)
	}
	return a.reportImport(name, result, dryRun)
}

// keepWhatIsThere moves what would overwrite a file to what was left.
func keepWhatIsThere(folder string, r *importer.Result) {
	var took []importer.Item
	for _, item := range r.Took {
		if _, err := os.Lstat(filepath.Join(folder, filepath.FromSlash(item.To))); err == nil {
			delete(r.Files, item.To)
			if item.To == tenant.AlertmanagerFile {
				r.Secrets = nil
			}
			r.Left = append(r.Left, importer.Item{From: item.From, Note: item.To + " exists already and is not overwritten"})
			continue
		}
		took = append(took, item)
	}
	r.Took = append([]importer.Item{}, took...)
}

// writeAll writes new files into a folder, all of them or none.
func writeAll(folder, shown string, files map[string]string) error {
	var wrote []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		full := filepath.Join(folder, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if err == nil {
			err = writeExclusive(full, files[name])
		}
		if err == nil {
			wrote = append(wrote, full)
			continue
		}
		if !errors.Is(err, fs.ErrExist) {
			wrote = append(wrote, full) // it may be there in part
		}
		for _, file := range wrote {
			err = errors.Join(err, ignoreMissing(os.Remove(file)))
		}
		return cannotWrite(shown+"/"+name, err)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (a *app) reportImport(name string, r *importer.Result, dryRun bool) error {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, item := range r.Took {
		fmt.Fprintf(table, "took\t%s\t%s, from %s\n", item.To, item.Note, item.From)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, item := range r.Left {
		fmt.Fprintf(a.stdout, "left  %s: %s\n", item.From, item.Note)
	}
	for _, kind := range slices.Sorted(maps.Keys(r.Other)) {
		fmt.Fprintf(a.stdout, "left  %s of kind %s, which a tenant does not have\n", progress.Count(r.Other[kind], "object"), kind)
	}
	for _, item := range r.Secrets {
		fmt.Fprintf(a.stdout, "secret  ${secret:%s} stands for %s, which %s\n", item.To, item.From, item.Note)
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(a.stderr, "warning: %s\n", warning.Error())
	}
	verb := "wrote"
	if dryRun {
		verb = "would write"
	}
	fmt.Fprintf(a.stdout, "%s %s to tenants/%s, left %d\n", verb, progress.Count(len(r.Files), "file"), name, len(r.Left))
	if len(r.Files) == 0 || dryRun {
		return nil
	}
	if len(r.Secrets) > 0 {
		fmt.Fprintf(a.stdout, "next: make the Secret alertmanager in the namespace tenant-%s with these keys (docs/tenants.md)\n", name)
	}
	_, err := fmt.Fprintln(a.stdout, "next: opsgen validate && opsgen render")
	return err
}
