package alerting

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/prometheus/alertmanager/config"
	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/generator/document"
)

// maxConfig is the bundle's alertmanager_max_config_size_bytes (bases/cortex/limits.libsonnet).
const maxConfig = 1 << 20

// Config is a valid configuration of a tenant's Alertmanager, in which references stand for secrets.
type Config struct {
	// File is the path as it is shown to the user.
	File string

	parsed *config.Config
}

// Parse reads alertmanager.yaml. Templates are the files of templates/ by their base name ("slack.tmpl"). The Config is
// nil where there are problems; warnings are about a valid configuration.
func Parse(file string, data []byte, templates map[string][]byte) (c *Config, problems, warnings document.Problems) {
	text, err := newText(file, data)
	if err != nil {
		return nil, err, nil
	}
	text.walk()
	text.routes()
	text.templates(templates)
	if len(text.problems) > 0 {
		text.hide()
		return nil, text.problems, text.warnings
	}
	parsed, err2 := config.Load(withoutSecrets(string(data)))
	if err2 != nil {
		text.loadError(err2)
		return nil, text.problems, text.warnings
	}
	text.receivers(parsed)
	return &Config{File: file, parsed: parsed}, nil, text.warnings
}

// text is alertmanager.yaml as it was written, while it is checked.
type text struct {
	file     string
	lines    []string
	root     *yaml.Node
	problems document.Problems
	warnings document.Problems
	// secrets are the lines with a secret that is written out: messages go into logs that more people read than Git.
	secrets []int
}

// hide takes the lines with secrets out of what is shown of the file.
func (t *text) hide() {
	if len(t.secrets) == 0 {
		return
	}
	for _, line := range t.secrets {
		before, _, _ := strings.Cut(t.lines[line-1], ":")
		t.lines[line-1] = before + ": (a secret)"
	}
	for i := range t.problems {
		if p := &t.problems[i]; p.Excerpt != "" && p.File == t.file {
			p.Excerpt = document.Excerpt(t.lines, p.Line)
		}
	}
}

// newText refuses what is no YAML, or more of it than a person writes: package document bounds aliases and depth.
func newText(file string, data []byte) (*text, document.Problems) {
	if len(data) > maxConfig {
		return nil, document.Problems{{File: file, Message: fmt.Sprintf("the file has %d bytes; Alertmanager takes %d", len(data), maxConfig)}}
	}
	var anything map[string]any
	if _, err := document.Decode(file, data, &anything); err != nil {
		return nil, asProblems(file, err)
	}
	var root yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&root); err != nil {
		return nil, document.Problems{{File: file, Message: "not valid YAML: " + err.Error()}}
	}
	return &text{file: file, lines: splitLines(data), root: root.Content[0]}, nil
}

func (t *text) problem(node *yaml.Node, hint, format string, args ...any) document.Problem {
	return document.Problem{
		File: t.file, Line: node.Line, Column: node.Column, Message: fmt.Sprintf(format, args...), Hint: hint,
		Excerpt: document.Excerpt(t.lines, node.Line),
	}
}

func (t *text) fail(node *yaml.Node, hint, format string, args ...any) {
	t.problems = append(t.problems, t.problem(node, hint, format, args...))
}

func (t *text) warn(node *yaml.Node, hint, format string, args ...any) {
	t.warnings = append(t.warnings, t.problem(node, hint, format, args...))
}
