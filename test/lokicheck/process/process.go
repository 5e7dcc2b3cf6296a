package process

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/grafana/dskit/kv"
	"github.com/grafana/loki/v3/pkg/loki"
	"github.com/grafana/loki/v3/pkg/runtime"
	"github.com/grafana/loki/v3/pkg/util/cfg"
	"github.com/grafana/loki/v3/pkg/validation"
	"gopkg.in/yaml.v2"

	"github.com/opsgen/opsgen/test/lokicheck/rendered"
)

// targets are the values of -target that opsgen's topologies use. Loki notices another one only when it runs.
var targets = []string{
	loki.All, loki.Distributor, loki.Ingester, loki.Querier, loki.QueryFrontend, loki.QueryScheduler,
	loki.IndexGateway, loki.Compactor, loki.Ruler,
}

// Check reads what the container would read, and says what Loki would refuse. Variables of the environment are set while
// it runs, so that two checks must not run at a time.
func Check(c rendered.Container) (err error) {
	root, err := os.MkdirTemp("", "lokicheck")
	if err != nil {
		return fmt.Errorf("make a folder for the container's files: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(root)) }()
	for name, text := range c.Files {
		if err := write(filepath.Join(root, name), text); err != nil {
			return err
		}
	}
	restore, err := setEnvironment(c.Environment)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, restore()) }()

	config, err := parse(arguments(c, root))
	if err != nil {
		return err
	}
	return checkLimits(config, root)
}

// parse is what Loki's main function does with its arguments.
func parse(args []string) (*loki.ConfigWrapper, error) {
	if err := parseFlags(args); err != nil {
		return nil, err
	}
	var config loki.ConfigWrapper
	if err := cfg.DynamicUnmarshal(&config, args, flag.NewFlagSet("loki", flag.ContinueOnError)); err != nil {
		return nil, fmt.Errorf("parse the configuration: %w", err)
	}
	for _, target := range config.Target {
		if !slices.Contains(targets, target) {
			return nil, fmt.Errorf("-target=%s is none of %s", target, strings.Join(targets, ", "))
		}
	}
	config.LimitsConfig.SetGlobalOTLPConfig(config.Distributor.OTLPConfig)
	if err := config.LimitsConfig.SetDefaultPolicyStreamMapping(config.Distributor.DefaultPolicyStreamMappings); err != nil {
		return nil, fmt.Errorf("set the policies of streams: %w", err)
	}
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("validate the configuration: %w", err)
	}
	return &config, nil
}

// parseFlags finds mistakes in the command line. Loki's own parser would end this program at the first one.
func parseFlags(args []string) error {
	var config loki.ConfigWrapper
	flags := flag.NewFlagSet("loki", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // the list of all flags says less than the error
	config.RegisterFlags(flags)
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("parse the command line: %w", err)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag; Loki ignores everything after it", flags.Arg(0))
	}
	return nil
}

// overrides is Loki's runtimeConfigValues (pkg/loki/runtime_config.go), which is not exported.
type overrides struct {
	TenantLimits map[string]*validation.Limits `yaml:"overrides"`
	TenantConfig map[string]*runtime.Config    `yaml:"configs"`
	Multi        kv.MultiRuntimeConfig         `yaml:"multi_kv_config"`
}

// checkLimits reads the files of runtime limits that the configuration names.
func checkLimits(config *loki.ConfigWrapper, root string) error {
	if len(config.RuntimeConfig.LoadPath) == 0 {
		return errors.New("runtime_config.file names no file: the limits of tenants would never be read")
	}
	validation.SetDefaultLimitsForYAMLUnmarshalling(config.LimitsConfig)
	runtime.SetDefaultLimitsForYAMLUnmarshalling(config.OperationalConfig)
	for _, path := range config.RuntimeConfig.LoadPath {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			return fmt.Errorf("runtime_config.file is %s, which no mounted ConfigMap has: %w", path, err)
		}
		var values overrides
		if err := yaml.UnmarshalStrict(text, &values); err != nil {
			return fmt.Errorf("parse the limits of tenants, %s: %w", path, err)
		}
		for tenant, limits := range values.TenantLimits {
			if limits == nil {
				return fmt.Errorf("%s: tenant %s has no limits; leave it out", path, tenant)
			}
			if err := limits.Validate(); err != nil {
				return fmt.Errorf("%s: tenant %s: %w", path, tenant, err)
			}
		}
	}
	return nil
}

// variable is $(NAME) in a command line. Kubernetes leaves those that it does not know, and makes $( of $$(.
var variable = regexp.MustCompile(`\$?\$\([A-Za-z_][A-Za-z0-9_]*\)`)

// arguments is the container's command line, with its configuration file below root.
func arguments(c rendered.Container, root string) []string {
	args := make([]string, len(c.Args))
	for i, arg := range c.Args {
		arg = variable.ReplaceAllStringFunc(arg, func(text string) string {
			if strings.HasPrefix(text, "$$") {
				return text[1:]
			}
			if value, ok := c.Environment[text[2:len(text)-1]]; ok {
				return value
			}
			return text
		})
		if path, ok := strings.CutPrefix(arg, "-config.file="); ok {
			arg = "-config.file=" + filepath.Join(root, path)
		}
		args[i] = arg
	}
	return args
}

// setEnvironment sets the variables and returns what puts the earlier ones back.
func setEnvironment(variables map[string]string) (func() error, error) {
	var undo []func() error
	restore := func() error {
		var failures []error
		for _, back := range slices.Backward(undo) {
			failures = append(failures, back())
		}
		return errors.Join(failures...)
	}
	for name, value := range variables {
		before, was := os.LookupEnv(name)
		if err := os.Setenv(name, value); err != nil {
			return nil, errors.Join(fmt.Errorf("set the variable %s: %w", name, err), restore())
		}
		undo = append(undo, func() error {
			if was {
				return os.Setenv(name, before)
			}
			return os.Unsetenv(name)
		})
	}
	return restore, nil
}

func write(name, text string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("make a folder for the container's files: %w", err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the container's file: %w", err)
	}
	return nil
}
