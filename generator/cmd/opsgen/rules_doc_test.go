package main

import (
	"bytes"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/generator/document"
	rules "github.com/opsgen/opsgen/generator/rule"
)

var (
	fileBlock    = regexp.MustCompile("(?s)```[a-z]*\n# (tenants/[^\n]+)\n(.*?)```")
	consoleBlock = regexp.MustCompile("(?s)```console\n\\$ opsgen ([^\n]+)\n(.*?)```")
)

// What docs/rules.md tells people to write is valid, and the commands say what it shows.
func TestRulesAreAsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("testdata/repository")); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, m := range fileBlock.FindAllSubmatch(text, -1) {
		// The line with the name stays, so that places are those in the page.
		name, content := string(m[1]), append([]byte("# "+string(m[1])+"\n"), m[2]...)
		if strings.HasSuffix(name, ".tmpl") {
			content = m[2]
		}
		files[name] = content
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	checkDocumented(t, files)
	commands := consoleBlock.FindAllSubmatch(text, -1)
	if len(files) < 5 || len(commands) < 3 {
		t.Errorf("only %d files and %d commands were found", len(files), len(commands))
	}
	for _, m := range commands {
		var stdout, stderr bytes.Buffer
		code := run(append(strings.Fields(string(m[1])), "--root", root), &stdout, &stderr)
		if diff := cmp.Diff(string(m[2]), stdout.String()); code != 0 || diff != "" {
			t.Errorf("opsgen %s: exit code %d\n%s\n%s", m[1], code, stderr.String(), diff)
		}
	}
}

// checkDocumented asks that there is nothing to say about the files of the tenant.
func checkDocumented(t *testing.T, files map[string][]byte) {
	t.Helper()
	const name = "tenants/payments/alertmanager.yaml"
	templates := map[string][]byte{}
	for file, content := range files {
		if strings.HasSuffix(file, ".tmpl") {
			templates[path.Base(file)] = content
		}
	}
	config, problems, warnings := alerting.Parse(name, files[name], templates)
	for file, content := range files {
		var p, w document.Problems
		switch path.Base(path.Dir(file)) {
		case "rules":
			_, p, w = rules.Parse(file, content, rules.Options{Alerting: config})
		case "logs":
			_, p, w = rules.ParseLogs(file, content, rules.Options{Alerting: config})
		}
		problems, warnings = append(problems, p...), append(warnings, w...)
		problems = append(problems, alerting.Literals(file, content)...)
	}
	if len(problems)+len(warnings) > 0 {
		t.Errorf("what is documented is not right:\n%v\n%v", problems, warnings)
	}
}
