package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// logs is a file of rules with one mistake each: LogQL that cannot be parsed, and a query that gives lines and no numbers.
const logs = `groups:
  - name: errors
    rules:
      - alert: Fails
        expr: sum(rate({app="payments"} |= "charge failed" [5m]) > 0.1
        for: 5m
        annotations: {summary: charges fail}
      - alert: Lines
        expr: '{app="payments"} |= "charge failed"'
        for: 5m
        annotations: {summary: charges fail}
`

// TestOpsgenAsksThisProgram builds opsgen and this program as people do, and validates LogQL with and without it: the two
// share no code, only a protocol over their standard input and output.
func TestOpsgenAsksThisProgram(t *testing.T) {
	with, without := t.TempDir(), t.TempDir()
	build(t, ".", ".", filepath.Join(with, "logqlcheck"))
	opsgen := filepath.Join(t.TempDir(), "opsgen")
	build(t, "../..", "./generator/cmd/opsgen", opsgen)

	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS("../../generator/cmd/opsgen/testdata/repository")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "tenants/alice/rules/logs/errors.yaml")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(logs), 0o600)); err != nil {
		t.Fatal(err)
	}

	const parsed, lines = `tenants/alice/rules/logs/errors.yaml:5:15: not valid LogQL: parse error at line 1, col `, `tenants/alice/rules/logs/errors.yaml:9:15: not valid LogQL: the query gives lines, and a rule needs numbers`
	for name, test := range map[string]struct {
		path      string
		arguments []string
		code      int
		says, not string
	}{
		"validate with it":    {with, []string{"validate", "alice"}, 1, parsed, "was not parsed"},
		"validate tells both": {with, []string{"validate", "alice"}, 1, lines, "was not parsed"},
		"validate without it": {without, []string{"validate", "alice"}, 0, "no program logqlcheck was found, so that LogQL itself was not parsed", "not valid LogQL"},
		"it is named":         {without, []string{"validate", "alice", "--logqlcheck", filepath.Join(with, "logqlcheck")}, 1, parsed, "was not parsed"},
		"test with it":        {with, []string{"test"}, 0, "0 failed", "LogQL"},
		"test without it":     {without, []string{"test"}, 0, "0 failed", "LogQL"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(opsgen, test.arguments...)
			cmd.Dir, cmd.Env = root, []string{"PATH=" + test.path, "HOME=" + without}
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			err := cmd.Run()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != test.code || !strings.Contains(out.String(), test.says) || strings.Contains(out.String(), test.not) {
				t.Errorf("the exit code is %d, want %d with %q and without %q:\n%s", code, test.code, test.says, test.not, out.String())
			}
		})
	}
}

func build(t *testing.T, folder, what, to string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", to, what)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "GOWORK=off")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", what, err, text)
	}
}
