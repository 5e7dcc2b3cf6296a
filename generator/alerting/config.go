package alerting

import (
	"github.com/prometheus/alertmanager/config"

	"github.com/opsgen/opsgen/generator/document"
)

// Config is a valid configuration of a tenant's Alertmanager, in which references stand for secrets.
type Config struct {
	// File is the path as it is shown to the user.
	File string

	parsed *config.Config
}

// Parse reads alertmanager.yaml. Templates are the files of templates/ by their base name ("slack.tmpl"). The Config is
// nil where there are problems; warnings are about a valid configuration.
func Parse(file string, data []byte, _ map[string][]byte) (c *Config, problems, warnings document.Problems) {
	parsed, err := config.Load(string(data))
	if err != nil {
		return nil, document.Problems{{File: file, Message: err.Error()}}, nil
	}
	return &Config{File: file, parsed: parsed}, nil, nil
}
