package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const validConfig = `cluster: prod
domain: obs.example.com
upstreams:
  metrics: {distributor: "http://a:1", queryFrontend: "http://a:1", ruler: "http://a:1", alertmanager: "http://a:1"}
grafana: {upstream: "http://grafana.tenant-{tenant}.svc:3000"}
`

func TestCommands(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{
		"proxy.yaml": validConfig, "bad.yaml": strings.Replace(validConfig, "domain", "domian", 1),
		"tenants.yaml": "tenants: [{name: payments}]\n", "prod.yaml": "tenants: [{name: metrics}]\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		arguments []string
		code      int
		says      string
	}{
		"a good configuration":        {[]string{"validate", folder + "/proxy.yaml"}, 0, "valid proxy.yaml"},
		"a misspelt field":            {[]string{"validate", folder + "/bad.yaml"}, 2, `did you mean "domain"?`},
		"good tenants":                {[]string{"validate", folder + "/tenants.yaml"}, 0, "valid tenants.yaml"},
		"bad tenants by their shape":  {[]string{"validate", folder + "/prod.yaml"}, 2, "a host of the proxy itself"},
		"no file":                     {[]string{"validate", folder + "/none.yaml"}, 2, "no such file"},
		"serving a bad configuration": {[]string{"serve", "--config=" + folder + "/bad.yaml"}, 2, `did you mean "domain"?`},
		"a sidecar for everybody": {[]string{
			"sidecar", "--metrics=:8081", "--upstream=https://x", "--domain=x.y", "--ca-file=a", "--token-file=b", "--admin=127.0.0.1:0",
		}, 2, "loopback"},
		"the version":        {[]string{"version"}, 0, "proxy "},
		"an unknown command": {[]string{"serf"}, 2, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if code := run(t.Context(), test.arguments, &out, &out); code != test.code || !strings.Contains(out.String(), test.says) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, test.code, test.says, out.String())
			}
		})
	}
}
