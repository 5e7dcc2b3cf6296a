package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/repository"
)

// eraseTenant marks a removed tenant, so that its clusters delete its data. Two pull requests and not one: the first one
// ends what writes, can be reverted, and shows for a while whether anybody misses anything.
func (a *app) eraseTenant(cmd *cobra.Command, name, id string, yes bool) error {
	repo, err := a.loadRepository(nil)
	if err != nil {
		return err
	}
	at, err := erasable(repo, name, id)
	if err != nil {
		return err
	}
	entry := &repo.Removed[at]
	fmt.Fprintf(a.stderr, "this marks the removed tenant %s, ID %s. After the merge, on %s:\n", name, entry.ID, onClusters(entry.Clusters))
	fmt.Fprint(a.stderr, `  at once   nothing: for 15 minutes the mark can be reverted
  then      its rules and alerting go; Cortex and Loki are asked to delete all metrics and logs, and nobody can stop that
  in a day  Loki has deleted the logs, and Cortex the metrics; opsgen tenant erased tells what is left
A bucket that keeps versions keeps these too, until its own rules delete them.
`)
	if !yes {
		if err := a.confirm(cmd, name, "mark "+entry.ID+" to be erased"); err != nil {
			return err
		}
	}
	entry.Erase = true
	marked := *entry
	if err := writeRemoved(repo.Root, repo.Removed); err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(map[string]any{"erase": marked.ID, "tenant": name, "clusters": marked.Clusters})
	}
	fmt.Fprintf(a.stdout, "marked %s (ID %s) in %s\n", name, marked.ID, repository.RemovedFile)
	fmt.Fprintln(a.stdout, "next: opsgen render && git add tenants clusters && open a pull request")
	_, err = fmt.Fprintf(a.stdout, "then: opsgen tenant erased %s --cluster CLUSTER, a day after the merge\n", name)
	return err
}

// erasable finds the entry that is meant, and refuses what would be a surprise.
func erasable(repo *repository.Repository, name, id string) (int, error) {
	var found, marked []string
	at := -1
	for i, r := range repo.Removed {
		switch {
		case r.Name != name || id != "" && r.ID != id:
		case r.Erase:
			marked = append(marked, r.ID)
		default:
			found = append(found, r.ID)
			at = i
		}
	}
	lives := slices.ContainsFunc(repo.Tenants, func(t repository.Tenant) bool { return t.Name == name && (id == "" || t.DataID() == id) })
	switch {
	case lives:
		hint := "remove it first: opsgen tenant remove " + name + ", merge that, and then this again"
		if len(found) > 0 && id == "" {
			hint = "if a former tenant of the name is meant, write --id with " + strings.Join(found, " or ")
		}
		return 0, usage("tenants/%s is in Git, and the data of a tenant that is there is not erased; %s", name, hint)
	case len(found) > 1:
		return 0, usage("there are %d removed tenants %q; write --id with one of %s", len(found), name, strings.Join(found, ", "))
	case len(found) == 0 && len(marked) > 0:
		return 0, usage("%s (ID %s) is marked already; see opsgen tenant erased", name, strings.Join(marked, ", "))
	case len(found) == 0:
		return 0, usage("%s knows no removed tenant %s", repository.RemovedFile, named(name, id))
	}
	return at, nil
}

func named(name, id string) string {
	if id == "" {
		return fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("%q with the ID %q", name, id)
}

// onClusters says where, in words.
func onClusters(names []string) string {
	if slices.Contains(names, "*") {
		return "every cluster"
	}
	return sentenceOf(names)
}
