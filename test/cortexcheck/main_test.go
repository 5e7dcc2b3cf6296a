package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRun is the command line as a person uses it.
func TestRun(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	config := write("cortex.yaml", "distributor: {shard_by_all_labels: true}\n")
	misspelt := write("misspelt.yaml", "distributer: {}\n")
	limits := write("limits.yaml", "overrides: {payments: {ingestion_rate: 5}}\n")
	wrong := write("wrong.yaml", "overrides: {payments: {ingestion_rat: 5}}\n")
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"both files":         {args: []string{"-config", config, "-runtime", limits}},
		"flags of Cortex":    {args: []string{"-config", config, "--", "-target=ingester"}},
		"a wrong flag":       {args: []string{"-config", config, "--", "-targt=ingester"}, want: "targt"},
		"no configuration":   {want: "-config cortex.yaml"},
		"no such file":       {args: []string{"-config", filepath.Join(folder, "none.yaml")}, want: "none.yaml"},
		"a misspelt key":     {args: []string{"-config", misspelt}, want: "misspelt.yaml: parse the configuration"},
		"a tenant's mistake": {args: []string{"-config", config, "-runtime", wrong}, want: "wrong.yaml: parse the limits of tenants"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(c.args, io.Discard)
			if c.want == "" && err != nil {
				t.Errorf("refused: %v", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}
