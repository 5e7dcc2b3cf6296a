package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/keys"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/proxy/config"
)

// newTokenCommand groups what makes and checks tenants' tokens.
func newTokenCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token COMMAND",
		Short: "Make, check and revoke tenants' tokens",
		Long: `Tokens let a tenant's agents and people in at a cluster's front door. They are signed here, with a private key that
stays with you. The cluster knows the public keys and the revocations in clusters/<name>/keys/, which come by pull request
like everything else: what you change there holds once it is merged.`,
		Example: `  opsgen token keygen --cluster prod
  opsgen token issue payments --cluster prod --scope metrics:write --for prometheus`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) > 0 {
				return unknownCommand(cmd, words[0])
			}
			return cmd.Help()
		},
	}
	cmd.AddCommand(newTokenKeygenCommand(a), newTokenIssueCommand(a), newTokenInspectCommand(a), newTokenRevokeCommand(a),
		newTokenRotateCommand(a), newTokenListCommand(a))
	return cmd
}

// errNotValid ends an inspection of a token that the cluster would refuse; why was printed.
var errNotValid = errors.New("the token is not valid")

// clusterFlag adds --cluster to a command.
func (a *app) clusterFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "cluster", "", "the cluster")
	a.completes(cmd, "cluster", func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		return a.completeClusters(cmd, nil, "")
	})
}

func (a *app) completes(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	cobra.CheckErr(cmd.RegisterFlagCompletionFunc(flag, complete))
}

// completeTenant completes the name of one tenant.
func (a *app) completeTenant(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(cmd, given, func(root string) ([]string, error) {
		files, err := filepath.Glob(filepath.Join(root, "tenants", "*", "tenant.yaml"))
		names := make([]string, len(files))
		for i, file := range files {
			names[i] = filepath.Base(filepath.Dir(file))
		}
		return names, err
	})
}

// keysOf reads a cluster's keys, and the repository around them.
func (a *app) keysOf(clusterName string) (*repository.Repository, *keys.Folder, error) {
	if clusterName == "" {
		return nil, nil, usage("--cluster is missing; write the name of a folder in clusters/")
	}
	repo, err := a.loadRepository([]string{clusterName})
	if err != nil {
		return nil, nil, err
	}
	folder, err := keys.Open(repo.Root, clusterName)
	return repo, folder, err
}

// checkTenant says that a tenant lives on the cluster, or which one was meant.
func checkTenant(repo *repository.Repository, tenantName, clusterName string) error {
	var living []string
	there := false
	for _, t := range repo.Tenants {
		if t.On(clusterName) {
			living = append(living, t.Name)
		}
		there = there || t.Name == tenantName
	}
	switch {
	case slices.Contains(living, tenantName):
		return nil
	case there:
		return document.Problems{{
			File: "tenants/" + tenantName + "/tenant.yaml", Message: fmt.Sprintf("tenant %q does not live on cluster %s", tenantName, clusterName),
			Hint: fmt.Sprintf("Add %s to its clusters, or issue the token for one of them.", clusterName),
		}}
	default:
		return document.Problems{{
			Message: fmt.Sprintf("there is no tenant %q: tenants/%s/tenant.yaml does not exist", tenantName, tenantName),
			Hint:    document.Suggest(tenantName, living, "Tenants of "+clusterName+" are: "),
		}}
	}
}

// scopes checks the names of scopes.
func scopes(names []string) ([]config.Scope, error) {
	known := make([]string, 0, len(config.Scopes()))
	for _, scope := range config.Scopes() {
		known = append(known, string(scope))
	}
	if len(names) == 0 {
		return nil, usage("--scope is missing; write what the token is for: %s", quoted(known))
	}
	var found []config.Scope
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, usage("there is no scope %q%s", name, suggestion(name, known, "; scopes are "))
		}
		if scope := config.Scope(name); !slices.Contains(found, scope) {
			found = append(found, scope)
		}
	}
	return found, nil
}

func scopeNames() []string {
	names := make([]string, 0, len(config.Scopes()))
	for _, scope := range config.Scopes() {
		names = append(names, string(scope))
	}
	return names
}

// day is a date as people write it.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
