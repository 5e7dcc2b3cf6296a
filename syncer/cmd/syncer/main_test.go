package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMistakes(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.yaml", "proxy: {url: https://proxy-internal.proxy.svc}\n")
	bad := write("bad.yaml", "proxi: {}\n")
	// No cluster is to be found here, wherever the test runs.
	t.Setenv("KUBECONFIG", filepath.Join(folder, "none"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	for name, test := range map[string]struct {
		arguments []string
		code      int
		says      string
	}{
		"a good configuration":        {[]string{"validate", good}, 0, ""},
		"a misspelt field":            {[]string{"validate", bad}, 2, `did you mean "proxy"?`},
		"no file":                     {[]string{"validate", filepath.Join(folder, "none")}, 2, "no such file"},
		"nothing to validate":         {[]string{"validate"}, 2, "accepts 1 arg(s)"},
		"running a bad configuration": {[]string{"run", "--config=" + bad}, 2, `did you mean "proxy"?`},
		"running without a cluster":   {[]string{"run", "--config=" + good}, 2, "find the cluster"},
		"an unknown flag":             {[]string{"run", "--file=x"}, 2, "unknown flag"},
		"an unknown command":          {[]string{"rum"}, 2, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			if code := execute(t.Context(), test.arguments, &stderr); code != test.code || !strings.Contains(stderr.String(), test.says) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, test.code, test.says, stderr.String())
			}
		})
	}
}
