package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/server"
	"github.com/opsgen/opsgen/proxy/sidecar"
)

func newRootCommand(stdout, stderr io.Writer) *cobra.Command {
	root := &cobra.Command{
		Use:           "proxy",
		Short:         "Let the right tenant in to metrics, logs and Grafana",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.AddCommand(newServeCommand(), newValidateCommand(), newSidecarCommand(), newVersionCommand())
	return root
}

// gcPercent lets the heap grow to five times what is alive before it is collected. A proxy keeps little (some MB) and makes
// much: at Go's default of 100 it would collect many times a second. GOMEMLIMIT, which the pod sets, still holds.
const gcPercent = 400

func newServeCommand() *cobra.Command {
	var file string
	command := &cobra.Command{
		Use:   "serve --config=FILE",
		Short: "Serve until SIGTERM",
		Long: `Serve reads proxy.yaml and everything that it names, and serves. Changed files are read again without a restart; one
that is wrong is refused, logged and counted, and the one before stays in use. At SIGTERM it goes
on for a while, until load balancers have noticed, and ends when requests in work are over.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			path, err := filepath.Abs(file)
			if err != nil {
				return err
			}
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(gcPercent)
			}
			s, err := server.New(c.Context(), server.Options{ConfigFile: path, Log: c.ErrOrStderr()})
			if err != nil {
				return err
			}
			return running(s.Run(c.Context()))
		},
	}
	command.Flags().StringVar(&file, "config", "/etc/proxy/"+config.FileName, "proxy.yaml")
	return command
}

func running(err error) error {
	if err != nil {
		return &runError{err}
	}
	return nil
}

func newValidateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE",
		Short: "Check proxy.yaml or tenants.yaml",
		Long: `Validate reads a file as the proxy does and prints everything that is wrong with it, with its line. A file named
tenants.yaml, or one that has tenants or callers and no upstreams, is checked as tenants.yaml, every other as
proxy.yaml. The exit code is 2 when something is wrong.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			data, err := os.ReadFile(arguments[0])
			if err != nil {
				return err
			}
			kind := config.FileName
			if isTenants(arguments[0], data) {
				kind = config.TenantsFileName
				_, err = config.ParseTenants(data)
			} else {
				_, err = config.Parse(data)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is a valid %s\n", arguments[0], kind)
			return nil
		},
	}
}

// isTenants decides by the name, and by the shape where the name says nothing.
func isTenants(path string, data []byte) bool {
	switch filepath.Base(path) {
	case config.TenantsFileName:
		return true
	case config.FileName:
		return false
	}
	var shape map[string]any
	if yaml.Unmarshal(data, &shape) != nil {
		return false
	}
	_, tenants := shape["tenants"]
	_, callers := shape["callers"]
	_, upstreams := shape["upstreams"]
	return (tenants || callers) && !upstreams
}

func newSidecarCommand() *cobra.Command {
	var o sidecar.Options
	command := &cobra.Command{
		Use:   "sidecar --metrics=ADDRESS --logs=ADDRESS --upstream=URL --domain=DOMAIN --ca-file=FILE --token-file=FILE",
		Short: "Call the proxy for a pod, with the pod's own token",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Log = c.ErrOrStderr()
			s, err := sidecar.New(c.Context(), o)
			if err != nil {
				return err
			}
			return running(s.Run(c.Context()))
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.Metrics, "metrics", "", "address on loopback for Cortex, such as 127.0.0.1:8081")
	flags.StringVar(&o.Logs, "logs", "", "address on loopback for Loki, such as 127.0.0.1:8082")
	flags.StringVar(&o.Admin, "admin", ":9090", "address of /-/ready, /-/healthy and /metrics")
	flags.StringVar(&o.Upstream, "upstream", "", "URL of the proxy's internal listener")
	flags.StringVar(&o.Domain, "domain", "", "domain of the cluster")
	flags.StringVar(&o.CAFile, "ca-file", "", "authorities of the proxy's certificate, as PEM")
	flags.StringVar(&o.TokenFile, "token-file", "", "the pod's service-account token")
	return command
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			info, ok := debug.ReadBuildInfo()
			if !ok {
				return errors.New("the binary was built without its version")
			}
			fmt.Fprintf(c.OutOrStdout(), "proxy %s %s\n", info.Main.Version, runtime.Version())
			return nil
		},
	}
}
