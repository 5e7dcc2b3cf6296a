package importer_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/importer"
)

func read(t *testing.T, files map[string]string) *importer.Result {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := importer.Read(context.Background(), dir, []string{"."})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const rules = "groups:\n- name: %s\n  rules:\n  - {record: a:b, expr: up}\n"

func TestWhatIsLeft(t *testing.T) {
	for name, test := range map[string]struct{ file, text, want string }{
		"a template of Helm":              {"a.yaml", "a: {{ .Values.x }}\n{{- end }}", "a template of Helm"},
		"no YAML":                         {"a.yaml", "a: [", "not valid YAML"},
		"a key twice":                     {"a.yaml", "kind: PrometheusRule\nkind: Secret\n", "not valid YAML"},
		"aliases that explode":            {"a.yaml", bomb(), "not valid YAML"},
		"no text":                         {"a.yaml", "\xff\xfe", "not UTF-8"},
		"a rule object without groups":    {"a.yaml", "kind: PrometheusRule\nmetadata: {name: a}\nspec: {}\n", "PrometheusRule a: it has no groups"},
		"the operator's own notation":     {"a.yaml", "kind: AlertmanagerConfig\nmetadata: {name: a}\n", "write them into alertmanager.yaml"},
		"a packed configuration":          {"a.yaml", "kind: Secret\nmetadata: {name: a}\ndata: {alertmanager.yaml.gz: YQ==}\n", "is packed"},
		"a template without a user":       {"a.tmpl", `{{ define "x" }}{{ end }}`, "no Alertmanager configuration that would use it"},
		"an Alertmanager of nobody":       {"a.yaml", "route: {receiver: x}\nreceivers: []\n", "a.yaml: "},
		"a dashboard of another database": {"a.json", `{"title": "x", "schemaVersion": 39, "panels": [{"datasource": {"type": "influxdb", "uid": "i"}}]}`, `no data source with the uid "i"`},
		"no JSON":                         {"a.json", "garbage", "a.json: it is no JSON object"},
		"a list in JSON":                  {"a.json", "[1]", "a.json: it is no JSON object"},
		"more than fits":                  {"a.yaml", fmt.Sprintf(rules, "a") + "#" + strings.Repeat(" x", 500_000), "at most 921600 fit into a ConfigMap"},
	} {
		t.Run(name, func(t *testing.T) {
			r := read(t, map[string]string{test.file: test.text})
			if len(r.Files) > 0 || len(r.Left) != 1 || !strings.Contains(r.Left[0].From+": "+r.Left[0].Note, test.want) {
				t.Errorf("wrote %v, left %v, want %q", r.Targets(), r.Left, test.want)
			}
		})
	}
}

// TestTheWrongTemplateIsNamed: not the configuration that uses it, of which nothing is wrong.
func TestTheWrongTemplateIsNamed(t *testing.T) {
	r := read(t, map[string]string{
		"a.yaml":      "route: {receiver: x}\nreceivers: [{name: x}]\ntemplates: ['*.tmpl']\n",
		"broken.tmpl": `{{ define "x" }}`,
	})
	if len(r.Left) != 1 || !strings.Contains(r.Left[0].Note, "its template ") || !strings.Contains(r.Left[0].Note, "broken.tmpl: ") {
		t.Errorf("took %v, left %v", r.Took, r.Left)
	}
}

// TestSharedDashboardWithoutItsInputs: many are passed on with ${DS_PROMETHEUS} and without the list that explains it. A
// variable that the dashboard has itself stays.
func TestSharedDashboardWithoutItsInputs(t *testing.T) {
	const board = `{"title": "x", "uid": "x", "schemaVersion": 39, "panels": [{"datasource": {"type": "prometheus", "uid": "${%s}"}}],
"templating": {"list": [{"name": "datasource", "type": "datasource", "query": "prometheus"}]}}`
	for variable, want := range map[string]string{"DS_PROMETHEUS": `"uid": "metrics"`, "datasource": `"uid": "${datasource}"`} {
		r := read(t, map[string]string{"a.json": fmt.Sprintf(board, variable)})
		text := ""
		for _, file := range r.Files {
			text += file
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s: left %v, wrote %s", variable, r.Left, text)
		}
	}
}

// bomb is a few lines that stand for billions of values.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	return b.String()
}

func TestNamesDoNotMeet(t *testing.T) {
	r := read(t, map[string]string{
		"x/a.yaml": fmt.Sprintf(rules, "one"), "y/A.rules.yaml": fmt.Sprintf(rules, "two"), "z/a.yml": fmt.Sprintf(rules, "one"),
	})
	if got := strings.Join(r.Targets(), " "); got != "rules/a-2.yaml rules/a.yaml" {
		t.Errorf("wrote %s", got)
	}
	if len(r.Left) != 1 || !strings.Contains(r.Left[0].Note, "it is the same as rules/a.yaml") {
		t.Errorf("left %v", r.Left)
	}
}

func TestOneAlertmanagerIsTaken(t *testing.T) {
	const text = "route: {receiver: %s}\nreceivers: [{name: %s}]\n"
	r := read(t, map[string]string{"a.yaml": fmt.Sprintf(text, "a", "a"), "b.yaml": fmt.Sprintf(text, "b", "b")})
	if r.Files["alertmanager.yaml"] != fmt.Sprintf(text, "a", "a") || len(r.Left) != 1 || !strings.Contains(r.Left[0].Note, "that of a.yaml came first") {
		t.Errorf("wrote %q, left %v", r.Files, r.Left)
	}
}

// TestLinksAreNotFollowed plants a link to a file of the machine: what is imported ends in Git.
func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(outside, []byte(fmt.Sprintf(rules, "a")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "a.yaml")); err != nil {
		t.Fatal(err)
	}
	r, err := importer.Read(context.Background(), dir, []string{"."})
	if err != nil || len(r.Files) > 0 || len(r.Left) != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("kind: List\nitems:\n- kind: PrometheusRule\n  spec: {groups: [{name: a, rules: [{alert: x, expr: up}]}]}\n")
	f.Add("kind: ConfigMap\ndata: {a.json: '{\"title\": \"x\", \"panels\": [null]}'}\n")
	f.Add("route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{api_url: *x}]}]\n")
	f.Add("groups: [1, {rules: [2, {expr: 3}]}]\n---\nkind: Secret\nstringData: {alertmanager.yaml: 5}\n")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "a.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := importer.Read(context.Background(), "", []string{file})
		if err != nil {
			t.Fatal(err)
		}
		for name := range r.Files {
			if strings.Contains(name, "..") || strings.HasPrefix(name, "/") {
				t.Errorf("would write %q", name)
			}
		}
	})
}
