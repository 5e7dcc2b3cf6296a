package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// app is what all commands share: the streams, and settings from flags and OPSGEN_*.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	settings       *viper.Viper
	// flags are those of the command that runs.
	flags *pflag.FlagSet
	// reach changes how a cloud is reached, for tests; nil for the real one.
	reach func(*provider.Target)
}

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "bootstrap",
		Short: "Create a cluster of the bundle, and hand it over to Flux",
		Long: `bootstrap reads the same clusters/<name>/cluster.yaml as opsgen and creates what the bundle needs around it: network,
Kubernetes, buckets, identities, DNS. Then it installs Flux, which applies everything else from Git.

There is no state file: what exists is asked of the cloud each time. A run that was stopped or killed anywhere is simply
run again. Settings may be given as flags or as environment variables (OPSGEN_KUBECONFIG=…).`,
		Example: `  bootstrap plan clusters/prod      what would be made, and what it costs
  bootstrap up clusters/prod        make it
  bootstrap status clusters/prod    is it well?
  bootstrap down clusters/prod      remove it, but for the data`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.load(cmd) },
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) > 0 {
				return usage("there is no command %q; commands are plan, up, status, kubeconfig, token and down", words[0])
			}
			return cmd.Help()
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w; `%s --help` lists the flags", err, cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	defer a.completeFlags(root)
	flags.String("root", ".", "a folder inside the repository")
	flags.StringP("output", "o", "text", "text or json")
	flags.String("prices", "", "file with prices of your own (default: bootstrap/price/prices.yaml, built in)")
	flags.String("kubeconfig", "", "provider existing: file that reaches the cluster (default: as kubectl)")
	flags.String("context", "", "provider existing: the context in it")
	root.AddCommand(newPlanCommand(a), newUpCommand(a), newStatusCommand(a), newKubeconfigCommand(a), newTokenCommand(a), newDownCommand(a))
	root.InitDefaultCompletionCmd()
	if shells, _, err := root.Find([]string{"completion"}); err == nil {
		shells.Args, shells.RunE = cobra.ArbitraryArgs, refuseShell
	}
	return root
}

// load reads the settings in viper's order: flag, environment, default.
func (a *app) load(cmd *cobra.Command) error {
	v := viper.New()
	v.SetEnvPrefix("OPSGEN")
	v.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	v.AutomaticEnv()
	if err := v.BindPFlags(cmd.Flags()); err != nil {
		return err
	}
	a.settings, a.flags = v, cmd.Flags()
	return a.checkSettings()
}

// json says whether results are for a machine.
func (a *app) json() bool { return a.settings.GetString("output") == "json" }

// writeJSON prints a result for a machine.
func (a *app) writeJSON(value any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// refuseShell is `completion` for a shell that cobra does not know.
func refuseShell(cmd *cobra.Command, words []string) error {
	if len(words) > 0 {
		return usage("there is no completion for %q; write bash, zsh, fish or powershell", words[0])
	}
	return cmd.Help()
}

// oneCluster takes exactly one argument: a cluster's folder or name.
func oneCluster(cmd *cobra.Command, arguments []string) error {
	if len(arguments) != 1 || arguments[0] == "" {
		return usage("%s takes one cluster: `%s clusters/NAME`", cmd.Name(), cmd.CommandPath())
	}
	return nil
}

// secretSetting is a setting that must not be seen in a list of processes: it comes from a file, or from the environment.
func (a *app) secretSetting(name string) (string, error) {
	if file := a.settings.GetString(name + "-file"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read --%s-file: %w", name, err)
		}
		secret := strings.TrimSpace(string(text))
		if secret == "" {
			return "", fmt.Errorf("--%s-file: %s is empty", name, file)
		}
		return secret, nil
	}
	return a.settings.GetString(name), nil
}
