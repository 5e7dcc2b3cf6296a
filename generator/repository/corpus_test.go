package repository_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/generator/dashboard"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/rule"
	"github.com/opsgen/opsgen/generator/tenant"
)

// wrong is a repository with one mistake: files to lay over the sound one, and a part of what is said about it.
type wrong struct {
	files map[string]string
	want  string
}

// corpus are the wrong tenants by name. What stands in tenant.yaml comes first, then names, files, and their contents.
func corpus() map[string]wrong {
	all := map[string]wrong{}
	in := func(file, kind string, texts map[string]string) {
		for text, want := range texts {
			all[fmt.Sprintf("%s %.60q", kind, text)] = wrong{map[string]string{"tenants/payments/" + file: text}, want}
		}
	}
	in("tenant.yaml", "field", wrongFields())
	in("tenant.yaml", "syntax", wrongSyntax())
	for name, want := range wrongNames() {
		all[fmt.Sprintf("name %.60q", name)] = wrong{map[string]string{"tenants/" + name + "/tenant.yaml": "clusters: [prod]\n"}, want}
	}
	for file, want := range wrongFiles() {
		all[fmt.Sprintf("file %.60q", file)] = wrong{map[string]string{"tenants/payments/" + file: "x"}, want}
	}
	in("rules/a.yaml", "rules", wrongRules())
	in("rules/logs/a.yaml", "log rules", map[string]string{
		"groups: [{name: a, rules: [{alert: A}]}]": "expr",
		"groups: [{name: a, rulez: []}]":           "rulez",
		"groups: [{name: '', rules: []}]":          "",
		"":                                         "the file is empty",
		"groups: [{name: a/b, rules: [{alert: A, expr: 'rate({a=\"b\"}[5m]) > 1', for: 5m}]}]": `Write "a-b".`,
		"groups: [{name: a, rules: [{expr: '{a=\"b\"}'}]}]":                                    "",
	})
	in("alertmanager.yaml", "alerting", wrongAlerting())
	in("templates/a.tmpl", "template", map[string]string{`{{ define "a" }}`: "there are templates, but no alertmanager.yaml"})
	in("dashboards/a.json", "dashboard", wrongDashboards())
	return all
}

func wrongFields() map[string]string {
	const head = "clusters: [prod]\n"
	return map[string]string{
		head + "clas: small": `did you mean "class"`, head + "class: tiny": `class is "tiny"`, head + "class: [small]": "class must be",
		head + "Class: small": `did you mean "class"`, head + "owner: [x]": `did you mean "owners"`, head + "owners: x": "owners must be a list",
		head + "owners: ['']": "owners[0]", head + "owners: [\"a\\nb\"]": "owners[0]", "clusters: prod": "clusters must be a list", "clusters: []": "would live nowhere",
		"clusters: [prod, prod]": "a second time", "clusters: [nowhere]": "there is no cluster", "clusters: [1]": "must be a text", "class: small": "clusters is missing",
		head + "id: A_b": `the ID "A_b"`, head + "id: a|b": "the ID", head + "id: ../x": "the ID", head + "id: fake": "uses itself", head + "id: index": "uses itself",
		head + "id: " + strings.Repeat("a", 61): "at most 60", head + "displayName: \"a\\u0000b\"": "displayName", head + "displayName: " + strings.Repeat("ü", 101): "displayName",
		head + "metrics: {retention: 90}": "", head + "metrics: {retention: -1d}": "not a duration", head + "metrics: {retention: 99999999y}": "out of range",
		head + "metrics: {retension: 1d}": `did you mean "retention"`, head + "metrics: {activeSeries: many}": "is not a count", head + "metrics: {activeSeries: 1e400}": "",
		head + "metrics: {activeSeries: -5}": "is not a count", head + "metrics: {activeSeries: 9999999999G}": "out of range", head + "metrics: {shardSize: -1}": "shardSize",
		head + "metrics: {shardSize: 1.5}": "whole number", head + "metrics: {haDedup: true}": "haDedup must be a mapping", head + "metrics: {haDedup: {clusterLabel: a-b}}": "not a label's name",
		head + "metrics: {haDedup: {clusterLabel: x, replicaLabel: x}}": "for both labels", head + "metrics: []": "metrics must be a mapping",
		head + "logs: {bytesPerDay: 5 pounds}": "unknown unit", head + "logs: {bytesPerDay: 5XB}": "unknown unit", head + "logs: {streams: ٣}": "is not a count",
		head + "grafana: {enabled: maybe}": "true or false", head + "grafana: {roles: {Editor: x}}": "must be a list", head + "grafana: {cpu: fast}": "grafana.cpu",
		head + "grafana: {memory: 1Ki}": "does not start", head + "grafana: {memory: -1Gi}": "grafana.memory", head + "grafana: {storage: 1e99}": "grafana.storage",
		head + "grafana: {plugins: [a-panel]}": "cannot be had", head + "access: [{scopes: [metrics:write]}]": "namespace is missing", head + "access: [{namespace: a}]": "scopes is missing",
		head + "access: [{namespace: a, scopes: [metrics:wirte]}]": "did you mean", head + "access: {namespace: a}": "access must be a list", head + "exporters: []": "exporters must be a mapping",
		head + "name: x": `unknown field "name"`, head + "files: {rules: {}}": `unknown field "files"`, head + "\"\": x": "unknown field", head + "ｃlass: small": "unknown field", head + "class: ѕmall": "class is",
	}
}

func wrongSyntax() map[string]string {
	var bomb strings.Builder
	bomb.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&bomb, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return map[string]string{
		"": "the file is empty", "\n\n": "the file is empty", "null": "the file is empty", "[]": "must be a mapping", "clusters": "must be a mapping", "42": "must be a mapping",
		"clusters: [prod": "not valid YAML", "clusters: [prod]\n\tclass: small": "not valid YAML", "clusters: [prod]\n---\nclusters: [prod]": "second YAML document",
		"clusters: [prod]\nclusters: [lab]": "written twice", "\xff\xfe\x00": "not valid YAML", "clusters: [prod]\nclass: \xc3\x28": "not valid YAML", "{{ .Values.tenant }}": "",
		"clusters: *nobody": "not valid YAML", "clusters: &a [*a]": "must be a single value", "metrics: &a {x: *a}": "", bomb.String() + "clusters: *a29": "",
		"clusters: " + strings.Repeat("[", 20_000): "", "? {a: b}\n: c": "", "clusters: !!binary AAAA": "", "<<: {clusters: [prod]}": `unknown field "<<"`,
		"clusters: [prod]\n# " + strings.Repeat("x", 5<<20): "at most", "%YAML 9.9\n---\nclusters: [prod]": "", "clusters: [prod]\r\nclas: x": `did you mean "class"`,
		"clusters: ['" + strings.Repeat("p", 100_000) + "']": "there is no cluster", "clusters: [prod]\nclass: !!python/object/apply:os.system [ls]": "",
	}
}

func wrongNames() map[string]string {
	return map[string]string{
		"A": "DNS label", "a_b": "DNS label", "-a": "DNS label", "a-": "DNS label", "a.b": "DNS label", "größe": "DNS label", "支払い": "DNS label", "a b": "DNS label", "a|b": "DNS label",
		"a'b": "DNS label", "$(id)": "DNS label", "a\nb": "DNS label", "%2e%2e": "DNS label", "раyments": "DNS label", "a\u202eb": "DNS label", "*": "DNS label", strings.Repeat("a", 41): "at most 40",
		"metrics": "reserved", "fake": "reserved", "index": "reserved", "kube-system": "reserved", "flux-system": "reserved", "tenant-x": `use "x"`, "xn--80ak6aa92e": "letters of a to z",
	}
}

func wrongFiles() map[string]string {
	return map[string]string{
		"rule/a.yaml": `Did you mean "rules/"`, "rules/a.yml": "Rename it to a.yaml", "rules/a.yaml.bak": "does not read this file", "rules/log/a.yaml": `Did you mean "logs/"`, "rules/a b.yaml": "letters of a to z",
		"rules/ü.yaml": "letters of a to z", "rules/" + strings.Repeat("a", 120) + ".yaml": "at most 100", "tenant.yml": `Did you mean "tenant.yaml"`, "alertmanager.yml": `Did you mean "alertmanager.yaml"`,
		"alertmanager.yaml/x": "is a folder, and must be a file", "rules": "is a file, and must be a folder", "dashboards/a.yaml": "end with .json", "dashboards/a/b/c.json": "one level deep", "dashboards/opsgen/a.json": "which every tenant gets",
		"dashboards/$HOME.json": "dollar sign", "templates/a.tpl": "Rename it to a.tmpl", "templates/x/a.tmpl": "does not read this folder", "secrets/key.yaml": "does not read this folder", "kustomization.yaml": "does not read this file",
		"rules/tests/a.txt": "end with .yaml", "dashboard/a.json": `Did you mean "dashboards/"`, "Rules/a.yaml": `Did you mean "rules/"`,
	}
}

func wrongRules() map[string]string {
	one := func(text string) string { return "groups: [{name: a, rules: [{" + text + "}]}]" }
	named := func(name string) string {
		return "groups: [{name: " + name + ", rules: [{alert: A, expr: up == 0, for: 5m}]}]"
	}
	return map[string]string{
		named("a/b"): `Write "a-b".`, named(`'..\\..\\a'`): `Write "..--..--a".`, named("100%"): `Write "100-".`, named(`"a\nb"`): `Write "a-b".`, named(`"%2e%2e/x"`): `Write "-2e-2e-x".`,
		"groups: [": "not valid YAML", "group: []": "groups", "groups: [{rules: []}]": "name", one("alert: A"): "expr", one("alert: A, expr: 'up =='"): "PromQL", one("alert: A, expr: up, for: soon"): "for",
		one("alert: A, record: b, expr: up"): "", one("record: 'a b', expr: up"): "", one("alert: A, expr: up, labels: {'a b': c}"): "", one("alert: A, expr: up, annotations: {a: '{{ .x'}"): "",
		one("expr: up"): "", one("alert: A, exprr: up"): "exprr", "{{ range }}": "", "groups: [{name: a, rules: []}, {name: a, rules: []}]": "", strings.Repeat("# x\n", 3<<20): "at most 921600 fit into a ConfigMap",
		"groups:\n" + strings.Repeat("- &a {name: *a}\n", 3): "", "\xff": "not UTF-8", "a\x00b": "not UTF-8", "kind: PrometheusRule\nspec: {groups: []}": "", one("alert: A, expr: '" + strings.Repeat("(", 30_000) + "'"): "",
	}
}

func wrongAlerting() map[string]string {
	return map[string]string{
		"route: {": "not valid YAML", "route: {receiver: a}": "a", "receivers: [{name: a}]": "route", "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{api_url: 'https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnop'}]}]": "",
		"route: {receiver: a}\nreceivers: [{name: a}, {name: a}]": "", "rout: {receiver: a}\nreceivers: [{name: a}]": "rout", "route: {receiver: a}\nreceivers: [{name: a}]\ntemplates: [/etc/passwd]": "",
		"route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url_file: /etc/shadow}]}]": "",
	}
}

func wrongDashboards() map[string]string {
	return map[string]string{
		"{": "not valid JSON", "[]": "a JSON object", `{"title": "x"}`: "no uid", `{"uid": "a", "title": "x"}`: "no schemaVersion", strings.Repeat(`{"a":`, 5000): "nested more than",
		`{"uid": "a", "title": "x", "schemaVersion": 39, "panels": [{"datasource": "Prod Prometheus"}]}`: "is named", `{"a": "` + strings.Repeat("x", 10<<20) + `"}`: "at most 921600 fit into a ConfigMap",
	}
}

// said is everything that is said about the tenants of a repository: problems and warnings.
func said(root string) document.Problems {
	repo, err := repository.Load(root, nil)
	var all document.Problems
	if err != nil {
		all = append(all, document.Problem{Message: err.Error()})
	}
	for _, t := range repo.Tenants {
		for name, text := range t.Files.Rules {
			_, problems, warnings := rule.Parse(name, []byte(text), rule.Options{})
			all = append(append(all, problems...), warnings...)
		}
		for name, text := range t.Files.LogRules {
			_, problems, warnings := rule.ParseLogs(name, []byte(text), rule.Options{})
			all = append(append(all, problems...), warnings...)
		}
		for name, text := range t.Files.Dashboards {
			_, problems, warnings := dashboard.Check(name, text, rule.CheckPromQL, false)
			all = append(append(all, problems...), warnings...)
		}
		if t.Files.Alertmanager != "" {
			_, problems, warnings := alerting.Parse(tenant.AlertmanagerFile, []byte(t.Files.Alertmanager), nil)
			all = append(append(all, problems...), warnings...)
		}
	}
	return all
}

// TestEveryWrongTenantIsNamed reads a hundred and more wrong tenants: each is told with what is wrong, none stops the
// program, and nothing is written.
func TestEveryWrongTenantIsNamed(t *testing.T) {
	all := corpus()
	if len(all) < 150 {
		t.Fatalf("the corpus has only %d tenants", len(all))
	}
	for name, test := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := write(t, files(map[string]string{"tenants/payments/dashboards/one.json": ""}))
			for file, text := range test.files {
				plant(t, filepath.Join(root, filepath.FromSlash(file)), text)
			}
			before := tree(t, root)
			got := said(root)
			if len(got) == 0 {
				t.Fatal("nothing was said")
			}
			if !strings.Contains(got.Error(), test.want) {
				t.Errorf("the message does not say %q:\n%.2000s", test.want, got.Error())
			}
			if diff := cmp.Diff(before, tree(t, root)); diff != "" {
				t.Errorf("something was written:\n%s", diff)
			}
		})
	}
}

// plant writes a file, also an empty one, whose folder may be in the place of a file.
func plant(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tree are the sizes of all files.
func tree(t *testing.T, root string) map[string]int64 {
	t.Helper()
	sizes := map[string]int64{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		sizes[name] = info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sizes
}

// TestFilesThatAreNone plants what would stop a reader for ever, or bring another file of the machine into Git.
func TestFilesThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		file  string
		plant func(name string) error
		want  string
	}{
		"a pipe of rules":        {"rules/a.yaml", func(name string) error { return syscall.Mkfifo(name, 0o600) }, "is not a regular file"},
		"a pipe of alerting":     {"alertmanager.yaml", func(name string) error { return syscall.Mkfifo(name, 0o600) }, "is not a regular file"},
		"a pipe as a tenant":     {"../pipe", func(name string) error { return syscall.Mkfifo(name, 0o600) }, "is not a regular file"},
		"a pipe as tenant.yaml":  {"../other/tenant.yaml", func(name string) error { return syscall.Mkfifo(name, 0o600) }, "is not a regular file"},
		"a link to a file":       {"dashboards/a.json", func(name string) error { return os.Symlink("/etc/hostname", name) }, "is a symbolic link"},
		"a link to a folder":     {"templates", func(name string) error { return os.Symlink("/etc", name) }, "is a symbolic link"},
		"a link to itself":       {"rules", func(name string) error { return os.Symlink("rules", name) }, "is a symbolic link"},
		"a link inside":          {"rules/b.yaml", func(name string) error { return os.Symlink("../tenant.yaml", name) }, "is a symbolic link"},
		"a link as a tenant":     {"../link", func(name string) error { return os.Symlink("payments", name) }, "is a symbolic link"},
		"too many files":         {"rules/0.yaml", many(tenant.MaxFiles + 1), "at most 200 are read"},
		"a folder without limit": {"rules/0.yaml", many(10*tenant.MaxFiles + 1), "more than 2000 entries"},
	} {
		t.Run(name, func(t *testing.T) {
			root := write(t, files(map[string]string{"tenants/payments/dashboards/one.json": ""}))
			file := filepath.Join(root, "tenants/payments", test.file)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := test.plant(file); err != nil {
				t.Fatal(err)
			}
			if _, err := repository.Load(root, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func many(n int) func(string) error {
	return func(name string) error {
		for i := range n {
			if err := os.WriteFile(filepath.Join(filepath.Dir(name), fmt.Sprintf("%d.yaml", i)), []byte("groups: []\n"), 0o600); err != nil {
				return err
			}
		}
		return nil
	}
}
