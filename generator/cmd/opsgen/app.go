package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/source"
)

// app is what all commands share: the streams, and opsgen's own settings from flags, OPSGEN_* and a file.
type app struct {
	stdout, stderr io.Writer
	settings       *viper.Viper
	// command is the name of the command that runs.
	command string
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
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, words []string) error {
			if len(words) > 0 {
				return unknownCommand(cmd, words[0])
			}
			return cmd.Help()
		},
	}
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	flags := root.PersistentFlags()
	flags.String("config", "", "file with settings of opsgen itself")
	flags.String("root", ".", "a folder inside the repository")
	flags.String("cache-dir", "", "folder for downloads and results (default: opsgen in the user's cache folder)")
	flags.String("vendor-dir", "", "folder with packages stored by opsgen vendor (default: vendor-sources in the repository, if there)")
	flags.Bool("offline", false, "never reach for the network")
	flags.StringP("output", "o", "text", "text or json, and what else a command's help names")
	root.AddCommand(newRenderCommand(a), newInitCommand(a), newSchemaCommand(a), newSizeCommand(a),
		newVersionsCommand(a), newVendorCommand(a), newLockCommand(a), newRulesCommand(a), newTokenCommand(a),
		newTenantCommand(a), newReleaseCommand(a), newUpgradeCommand(a), newSbomCommand(a), newTestCommand(a),
		newAlertCommand(a), newDiffCommand(a), newValidateCommand(a))
	root.SetHelpCommand(newHelpCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Example = "  source <(opsgen completion bash)                              in this shell\n" +
				"  opsgen completion fish > ~/.config/fish/completions/opsgen.fish   in every new one"
		}
	}
	return root
}

// load reads the settings in viper's order: flag, environment, file, default.
func (a *app) load(cmd *cobra.Command) error {
	a.command = cmd.Name()
	v := viper.New()
	v.SetEnvPrefix("OPSGEN")
	v.SetEnvKeyReplacer(strings.NewReplacer("-", "_"))
	v.AutomaticEnv()
	if err := v.BindPFlags(cmd.Flags()); err != nil {
		return err
	}
	a.settings = v
	if err := a.loadFile(cmd.Root()); err != nil {
		return err
	}
	if format := v.GetString("output"); !slices.Contains(formats(cmd), format) {
		return usage("--output is %q; write %s", format, either(formats(cmd)))
	}
	return nil
}

// formatsKey is the annotation of a command that writes more than text and json: their names, with spaces between them.
const formatsKey = "formats"

// formats are what a command can write.
func formats(cmd *cobra.Command) []string {
	return append([]string{"text", "json"}, strings.Fields(cmd.Annotations[formatsKey])...)
}

// either joins words to a choice: "text, json or sarif".
func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// format is the chosen format.
func (a *app) format() string { return a.settings.GetString("output") }

// loadFile reads the file with settings, where there is one. It is read as strictly as all other files.
func (a *app) loadFile(root *cobra.Command) error {
	file, chosen := a.settings.GetString("config"), true
	if file == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return nil // a system without such a folder has no file in it
		}
		file, chosen = filepath.Join(dir, "opsgen", "opsgen.yaml"), false
	}
	read := viper.New()
	read.SetConfigFile(file)
	err := read.ReadInConfig()
	var inFile *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist) && !chosen:
		return nil
	case errors.As(err, &inFile):
		return fmt.Errorf("the file with settings %s cannot be read: %w", file, inFile.Err)
	case err != nil:
		return fmt.Errorf("the file with settings %s cannot be read: %w", file, err)
	}
	known := settingNames(root)
	for _, name := range slices.Sorted(slices.Values(read.AllKeys())) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s: there is no setting %q%s", file, name, suggestion(name, known, "; settings are "))
		}
	}
	return a.settings.MergeConfigMap(read.AllSettings())
}

// json says whether results are for a machine.
func (a *app) json() bool { return a.settings != nil && a.settings.GetString("output") == "json" }

// writeJSON prints a result for a machine.
func (a *app) writeJSON(value any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// root is the repository's folder.
func (a *app) root() (string, error) { return repository.FindRoot(a.settings.GetString("root")) }

// cacheDir is the folder for downloads and results. It is made, so that a folder that cannot be is noticed at once.
func (a *app) cacheDir() (string, error) {
	dir := a.settings.GetString("cache-dir")
	if dir == "" {
		users, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("there is no cache folder: %w; name one with --cache-dir or OPSGEN_CACHE_DIR", err)
		}
		dir = filepath.Join(users, "opsgen")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("the cache folder cannot be made: %w; name another one with --cache-dir or OPSGEN_CACHE_DIR", err)
	}
	return dir, nil
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
	const megabyte = 1e6
	switch {
	case e.State == source.Verified:
		reporter.Line("fetched", "%s %s  %.1f MB  verified", e.Name, e.Version, float64(e.Bytes)/megabyte)
	case e.State == source.Fetching && e.Total > 0:
		reporter.Status("fetching", "%s %s  %.1f of %.1f MB", e.Name, e.Version, float64(e.Bytes)/megabyte, float64(e.Total)/megabyte)
	case e.State == source.Fetching:
		reporter.Status("fetching", "%s %s  %.1f MB", e.Name, e.Version, float64(e.Bytes)/megabyte)
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

// completeClusters completes names of clusters that were not given yet.
func (a *app) completeClusters(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, given, func(root string) ([]string, error) {
		files, err := filepath.Glob(filepath.Join(root, "clusters", "*", "cluster.yaml"))
		names := make([]string, len(files))
		for i, file := range files {
			names[i] = filepath.Base(filepath.Dir(file))
		}
		return names, err
	})
}

// completeCluster completes the name of one cluster.
func (a *app) completeCluster(cmd *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeClusters(cmd, given, word)
}

// completeImages completes names of images that were not given yet.
func (a *app) completeImages(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(cmd, given, func(root string) ([]string, error) {
		repo, err := repository.LoadBundle(root)
		if err != nil {
			return nil, err
		}
		return slices.Sorted(maps.Keys(repo.Bundle.Images)), nil
	})
}

// complete lists names but for those that were given.
func (a *app) complete(cmd *cobra.Command, given []string, list func(root string) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if err := a.load(cmd); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	root, err := a.root()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	names, err := list(root)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	left := slices.DeleteFunc(names, func(name string) bool { return slices.Contains(given, name) })
	return left, cobra.ShellCompDirectiveNoFileComp
}

// loadRepository reads the repository with the named clusters.
func (a *app) loadRepository(clusters []string) (*repository.Repository, error) {
	root, err := a.root()
	if err != nil {
		return nil, err
	}
	return repository.Load(root, clusters)
}
