package configuration

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/cortexproject/cortex/pkg/cortex"
	"github.com/cortexproject/cortex/pkg/util/flagext"
	"github.com/cortexproject/cortex/pkg/util/validation"
	"github.com/go-kit/log"
	"gopkg.in/yaml.v2"
)

// Parse reads a configuration file strictly, applies a command line over it and validates both together. args are the
// arguments of the process without its name. Cortex keeps the defaults of limits in a global variable, so Parse and
// ParseLimits must not run concurrently.
func Parse(text []byte, args []string) (*cortex.Config, error) {
	var defaults validation.Limits
	flagext.DefaultValues(&defaults)
	validation.SetDefaultLimitsForYAMLUnmarshalling(defaults)

	var config cortex.Config
	flags := flag.NewFlagSet("cortex", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	config.RegisterFlags(flags)
	if err := yaml.UnmarshalStrict(text, &config); err != nil {
		return nil, fmt.Errorf("parse the configuration: %w", err)
	}
	// Cortex' main function declares these, and has read the first one before.
	flags.String("config.file", "", "")
	flags.Bool("config.expand-env", false, "")
	if err := flags.Parse(args); err != nil {
		return nil, fmt.Errorf("parse the command line: %w", err)
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("parse the command line: %q is not a flag, and Cortex would ignore it and all that follows", flags.Arg(0))
	}
	if err := config.Validate(log.NewNopLogger()); err != nil {
		return nil, fmt.Errorf("validate the configuration: %w", err)
	}
	return &config, nil
}

// ParseLimits reads the runtime configuration, which has the limits of single tenants, strictly, and validates each
// tenant's limits against the configuration that they override.
func ParseLimits(text []byte, config *cortex.Config) (*cortex.RuntimeConfigValues, error) {
	validation.SetDefaultLimitsForYAMLUnmarshalling(config.LimitsConfig)
	var values cortex.RuntimeConfigValues
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.SetStrict(true)
	if err := decoder.Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("parse the limits of tenants: %w", err)
	}
	if err := decoder.Decode(&cortex.RuntimeConfigValues{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("parse the limits of tenants: more than one YAML document; Cortex refuses that")
	}
	for tenant, limits := range values.TenantLimits {
		if limits == nil {
			return nil, fmt.Errorf("limits of tenant %q are empty; leave the tenant out", tenant)
		}
		err := limits.Validate(config.NameValidationScheme, config.Distributor.ShardByAllLabels, config.Ingester.ActiveSeriesMetricsEnabled)
		if err != nil {
			return nil, fmt.Errorf("limits of tenant %q: %w", tenant, err)
		}
	}
	return &values, nil
}
