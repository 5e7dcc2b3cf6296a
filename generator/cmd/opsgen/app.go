package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/source"
)

// app is what all commands share: the streams, and opsgen's own settings from flags, OPSGEN_* and a file.
type app struct {
	stdout, stderr io.Writer
	settings       *viper.Viper
}

// maxJobs bounds the default parallelism: beyond it memory costs more than the processors gain.
const maxJobs = 8

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "opsgen",
		Short: "Render the observability bundle from one small file a cluster",
		Long: `opsgen turns clusters/<name>/cluster.yaml, the tenants and the bases into the manifests of a whole cluster.

Settings of opsgen itself may be given as flags, as environment variables (OPSGEN_JOBS=4) or in a file
(opsgen.yaml in the user's configuration folder, or --config).`,
		Example: `  opsgen render                     every cluster
  opsgen render prod --check        fail when clusters/prod/rendered is out of date
  opsgen init prod --provider aws --domain obs.example.com`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.load(cmd)
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\nSee %s --help", err, cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.String("config", "", "file with settings of opsgen itself")
	flags.String("root", ".", "a folder inside the repository")
	flags.String("cache-dir", "", "folder for downloads and results (default: opsgen in the user's cache folder)")
	flags.String("vendor-dir", "", "folder with packages stored by opsgen vendor (default: vendor-sources in the repository, if there)")
	flags.Bool("offline", false, "never reach for the network")
	flags.StringP("output", "o", "text", "text or json")
	root.AddCommand(newRenderCommand(a), newInitCommand(a), newSchemaCommand(a), newSizeCommand(a),
		newVersionsCommand(a), newVendorCommand(a), newLockCommand(a), newRulesCommand(a))
	return root
}

// load reads the settings in viper's order: flag, environment, file, default.
func (a *app) load(cmd *cobra.Command) error {
	v := viper.New()
	v.SetEnvPrefix("OPSGEN")
	v.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	v.AutomaticEnv()
	if err := v.BindPFlags(cmd.Flags()); err != nil {
		return err
	}
	if file := v.GetString("config"); file != "" {
		v.SetConfigFile(file)
		if err := v.ReadInConfig(); err != nil {
			return fmt.Errorf("read settings: %w", err)
		}
	} else if dir, err := os.UserConfigDir(); err == nil {
		v.SetConfigFile(filepath.Join(dir, "opsgen", "opsgen.yaml"))
		if err := v.ReadInConfig(); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("read settings: %w", err)
		}
	}
	a.settings = v
	if format := v.GetString("output"); format != "text" && format != "json" {
		return fmt.Errorf("--output is %q; write text or json", format)
	}
	return nil
}

// json says whether results are for a machine.
func (a *app) json() bool { return a.settings.GetString("output") == "json" }

// writeJSON prints a result for a machine.
func (a *app) writeJSON(value any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// root is the repository's folder.
func (a *app) root() (string, error) { return repository.FindRoot(a.settings.GetString("root")) }

// cacheDir is the folder for downloads and results.
func (a *app) cacheDir() (string, error) {
	if dir := a.settings.GetString("cache-dir"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the user's cache folder: %w; name one with --cache-dir", err)
	}
	return filepath.Join(dir, "opsgen"), nil
}

// store is where pinned packages come from.
func (a *app) store(root string, reporter *progress.Reporter) (*source.Store, error) {
	cache, err := a.cacheDir()
	if err != nil {
		return nil, err
	}
	vendored := a.settings.GetString("vendor-dir")
	if vendored == "" {
		if dir := filepath.Join(root, "vendor-sources"); isFolder(dir) {
			vendored = dir
		}
	}
	return source.NewStore(source.Options{
		CacheDir: filepath.Join(cache, "sources"), VendorDir: vendored, Offline: a.settings.GetBool("offline"),
		Progress: func(e source.Event) { reportFetch(reporter, e) },
	}), nil
}

// reportFetch shows downloads; what is at hand already is not worth a line.
func reportFetch(reporter *progress.Reporter, e source.Event) {
	if e.State == source.Verified {
		reporter.Line("fetched", "%s %s  %.1f MB  verified", e.Name, e.Version, float64(e.Bytes)/1e6)
	}
	if e.Note != "" {
		reporter.Line("note", "%s: %s", e.Name, e.Note)
	}
}

func isFolder(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// defaultJobs is the number of units rendered at a time unless told otherwise.
func defaultJobs() int { return min(runtime.NumCPU(), maxJobs) }

// completeClusters completes names of clusters.
func (a *app) completeClusters(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	if err := a.load(cmd); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	root, err := a.root()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	entries, err := filepath.Glob(filepath.Join(root, "clusters", "*", "cluster.yaml"))
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, entry := range entries {
		names = append(names, filepath.Base(filepath.Dir(entry)))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// loadRepository reads the repository with the named clusters.
func (a *app) loadRepository(clusters []string) (*repository.Repository, error) {
	root, err := a.root()
	if err != nil {
		return nil, err
	}
	return repository.Load(root, clusters)
}

// usage is an error about the command line itself.
func usage(format string, arguments ...any) error {
	return document.Problems{{Message: fmt.Sprintf(format, arguments...)}}
}
