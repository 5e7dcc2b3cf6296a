package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/remnant"
	"github.com/opsgen/opsgen/generator/repository"
)

// errLeft ends a look at the buckets that found something, which was printed.
var errLeft = errors.New("not everything is gone")

func newTenantErasedCommand(a *app) *cobra.Command {
	var clusterName, id, endpoint string
	cmd := &cobra.Command{
		Use:   "erased NAME --cluster CLUSTER",
		Short: "Tell what the buckets still hold of a removed tenant",
		Long: `Erased lists every place of a cluster's buckets that is a removed tenant's alone, with the noncurrent versions where the
bucket keeps any, and names what is left. The exit code is 1 when anything is. It only reads, with the credentials of
this machine: those of the AWS library (variables, profile) or Google's application default credentials.

The object storage that the bundle brings along is reached by a port-forward and --endpoint.`,
		Example: `  opsgen tenant erased payments --cluster prod
  opsgen tenant erased payments --cluster prod --id payments-k7x2q -o json
  kubectl -n object-store port-forward service/object-store 7070 &
  opsgen tenant erased payments --cluster local --endpoint http://127.0.0.1:7070`,
		Args:              oneArgument("the name of a removed tenant"),
		ValidArgsFunction: a.completeRemoved,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return a.erased(cmd.Context(), arguments[0], id, clusterName, endpoint)
		},
	}
	a.clusterFlag(cmd, &clusterName)
	cmd.Flags().StringVar(&id, "id", "", "the ID, where several tenants of the name were removed or the entry is gone")
	cmd.Flags().StringVar(&endpoint, "endpoint", "", "URL of the object storage, for other stores than the clouds'")
	return cmd
}

func (a *app) erased(ctx context.Context, name, id, clusterName, endpoint string) error {
	repo, err := a.loadRepository(nil)
	if err != nil {
		return err
	}
	on, err := clusterNamed(repo, clusterName)
	if err != nil {
		return err
	}
	if id, err = removedID(repo, name, id); err != nil {
		return err
	}
	store, err := storeOf(ctx, on, endpoint)
	if err != nil {
		return err
	}
	storage := on.Provider.Storage
	report, err := remnant.Find(ctx, store, remnant.Buckets{Metrics: storage.Metrics, Logs: storage.Logs, Rules: storage.Rules}, id)
	if err != nil {
		return fmt.Errorf("%w\nwhat is left of %s is not known", err, name)
	}
	if a.json() {
		err = a.writeJSON(report)
	} else {
		err = a.reportErased(name, on.Name, report)
	}
	if err == nil && !report.Nothing() {
		return errLeft
	}
	return err
}

// removedID is the ID that is meant. A tenant that is in Git is refused: all that it has would be told as left.
func removedID(repo *repository.Repository, name, id string) (string, error) {
	for _, t := range repo.Tenants {
		if id != "" && t.DataID() == id {
			return "", usage("%s is the ID of tenant %s, which is in Git", id, t.Name)
		}
	}
	if id != "" {
		return id, nil
	}
	var found []string
	for _, r := range repo.Removed {
		if r.Name == name {
			found = append(found, r.ID)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", usage("%s knows no removed tenant %q; if its entry was taken out, write --id", repository.RemovedFile, name)
	}
	return "", usage("there are %d removed tenants %q; write --id with one of %s", len(found), name, strings.Join(found, ", "))
}

func storeOf(ctx context.Context, on *repository.Cluster, endpoint string) (remnant.Store, error) {
	switch {
	case on.Provider.Name == cluster.GCP:
		return remnant.NewGoogle(ctx, endpoint)
	case endpoint != "":
	case on.BundledStorage():
		return nil, usage("the object storage of %s is in the cluster; write --endpoint with the URL of a port-forward (see --help)", on.Name)
	case on.Provider.Storage.Endpoint != "":
		endpoint = "https://" + on.Provider.Storage.Endpoint
	}
	region := on.Provider.Region
	if region == "" {
		region = "us-east-1" // S3 clients must name one
	}
	return remnant.NewS3(ctx, region, endpoint)
}

func (a *app) reportErased(name, clusterName string, report remnant.Report) error {
	versions := "noncurrent versions included"
	if !report.Versions {
		versions = "noncurrent versions cannot be seen: this object storage does not list them"
	}
	fmt.Fprintf(a.stderr, "looked at %s, %d of them tables of the logs' index; %s\n", progress.Count(report.Looked, "place"), report.Tables, versions)
	if report.Nothing() {
		_, err := fmt.Fprintf(a.stdout, "nothing is left of %s (ID %s) in the buckets of %s\n", name, report.ID, clusterName)
		return err
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, f := range report.Left {
		var parts []string
		if f.Objects > 0 {
			parts = append(parts, fmt.Sprintf("%s, %d bytes", progress.Count(f.Objects, "object"), f.Bytes))
		}
		if f.Old > 0 {
			parts = append(parts, fmt.Sprintf("%s, %d bytes, which the bucket's own rules delete", progress.Count(f.Old, "old version"), f.OldBytes))
		}
		if f.Later != "" {
			parts = append(parts, f.Later)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.What, f.URL, strings.Join(parts, "; "))
	}
	return errors.Join(table.Flush())
}

// clusterNamed is the cluster that is meant.
func clusterNamed(repo *repository.Repository, name string) (*repository.Cluster, error) {
	names := make([]string, len(repo.Clusters))
	for i := range repo.Clusters {
		if names[i] = repo.Clusters[i].Name; names[i] == name {
			return &repo.Clusters[i], nil
		}
	}
	if name == "" {
		return nil, usage("write --cluster with one of %s", strings.Join(names, ", "))
	}
	return nil, usage("there is no cluster %q%s", name, suggestion(name, names, "; write one of "))
}

// completeRemoved completes the name of one removed tenant.
func (a *app) completeRemoved(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, given, func(string) ([]string, error) {
		repo, err := a.loadRepository(nil)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, r := range repo.Removed {
			names = append(names, r.Name)
		}
		return names, nil
	})
}
