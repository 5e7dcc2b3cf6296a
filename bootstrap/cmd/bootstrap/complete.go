package main

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/repository"
)

// completion gives the values that a shell offers.
type completion = func(cmd *cobra.Command, arguments []string, typed string) ([]string, cobra.ShellCompDirective)

// completeFlags says what each flag takes: words, files of a kind, or nothing that could be known.
func (a *app) completeFlags(root *cobra.Command) {
	words := func(values ...string) completion {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		}
	}
	files := func(extensions ...string) completion {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return extensions, cobra.ShellCompDirectiveFilterFileExt
		}
	}
	folders := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	known := map[string]completion{
		"root": folders, "output": words(formats()...), "prices": files("yaml", "yml"), "context": a.completeContext,
		"until": a.completePhase, "timeout": words("30m", "1h", "2h"), "first-token": a.completeTenant,
		"verify-key": files("sshpub", "pub", "asc"), "login-ca-file": files("pem", "crt", "ca"),
		"provider": words(cluster.AWS, cluster.GCP), "region": words(), "account": words(),
		"confirm": words(), // it is there to be typed
	}
	for _, cmd := range append(root.Commands(), root) {
		for name, values := range known {
			if cmd.Flag(name) == nil || cmd != root && cmd.LocalNonPersistentFlags().Lookup(name) == nil {
				continue
			}
			cobra.CheckErr(cmd.RegisterFlagCompletionFunc(name, values))
		}
	}
}

// completeCluster completes the folder of one cluster.
func (a *app) completeCluster(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if err := a.load(cmd); err != nil || len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	root, err := repository.FindRoot(a.settings.GetString("root"))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	files, err := filepath.Glob(filepath.Join(root, "clusters", "*", "cluster.yaml"))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = "clusters/" + filepath.Base(filepath.Dir(file))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// opened is the session of a completion; nil where there is none.
func (a *app) opened(cmd *cobra.Command, arguments []string) *session {
	if len(arguments) != 1 || a.load(cmd) != nil {
		return nil
	}
	s, err := a.openAnyway(cmd.Context(), arguments[0])
	if err != nil {
		return nil
	}
	return s
}

func (a *app) completePhase(cmd *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	s := a.opened(cmd, arguments)
	if s == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return s.graph.Phases(), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func (a *app) completeTenant(cmd *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	s := a.opened(cmd, arguments)
	if s == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(s.tenants)), cobra.ShellCompDirectiveNoFileComp
}

func (a *app) completeContext(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if a.load(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = a.settings.GetString("kubeconfig")
	config, err := rules.Load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(config.Contexts)), cobra.ShellCompDirectiveNoFileComp
}
