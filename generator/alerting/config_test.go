package alerting_test

import (
	"os"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/alerting"
)

const file = "tenants/payments/alertmanager.yaml"

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func example(t *testing.T) *alerting.Config {
	t.Helper()
	c, problems, warnings := alerting.Parse(file, read(t, "alertmanager.yaml"), map[string][]byte{"title.tmpl": read(t, "title.tmpl")})
	if len(problems)+len(warnings) > 0 {
		t.Fatalf("the example is not valid:\n%v\n%v", problems, warnings)
	}
	return c
}

const (
	nobody = "receivers: [{name: nobody}]\n"
	root   = "route: {receiver: nobody}\n"
)

func TestWrongConfigurations(t *testing.T) {
	cases := map[string]struct{ yaml, want string }{
		"no YAML":                   {"route: [", "not valid YAML"},
		"empty":                     {"", file + ":1: the file is empty"},
		"two documents":             {root + "---\n" + root, "one file holds one"},
		"a key twice":               {root + root + nobody, file + ":2:1: route is written twice; first in line 1"},
		"no route":                  {nobody, "no routes provided"},
		"a misspelt field":          {"route: {recevier: nobody}\n" + nobody, file + `:1:9: unknown field "recevier" in route; did you mean "receiver"?`},
		"a field of nothing known":  {root + nobody + "zzzzzz: 1\n", `3:1: unknown field "zzzzzz"`},
		"a misspelt integration":    {root + "receivers: [{name: nobody, slak_configs: []}]\n", `did you mean "slack_configs"?`},
		"a misspelt receiver":       {"route: {receiver: nobdy}\n" + nobody, file + `:1:19: there is no receiver "nobdy"; did you mean "nobody"?`},
		"an unknown receiver below": {"route:\n  receiver: nobody\n  routes:\n    - receiver: zzz\n" + nobody, `:4:17: there is no receiver "zzz"`},
		"an unknown interval":       {"route:\n  receiver: nobody\n  routes:\n    - mute_time_intervals: [nights]\n" + nobody, `:4:29: there is no time interval "nights"`},
		"a receiver twice":          {root + "receivers:\n  - name: nobody\n  - name: nobody\n", `:4:11: Alertmanager says: notification config name "nobody" is not unique`},
		"a wrong matcher":           {"route: {receiver: nobody, routes: [{matchers: ['a=~\"(\"']}]}\n" + nobody, "missing closing"},
		"a matcher at the root":     {"route: {receiver: nobody, matchers: ['a=\"b\"']}\n" + nobody, "root route must not have any matchers"},
		"a wrong duration":          {"route:\n  receiver: nobody\n  group_wait: soon\n" + nobody, `not a valid duration string: "soon"`},
		"a wrong type":              {"route:\n  receiver: nobody\n  continue: perhaps\n" + nobody, ":3: Alertmanager says: cannot unmarshal !!str `perhaps` into bool"},
		"a wrong template":          {root + "receivers:\n  - name: nobody\n    email_configs: [{to: a@b.c, html: '{{ .Status'}]\n", ":4:39: the template cannot be read: unclosed action"},
		"an unknown template":       {root + "receivers:\n  - name: nobody\n    email_configs: [{to: a@b.c, html: '{{ template \"email.default.htm\" . }}'}]\n", `there is no template "email.default.htm"; did you mean "email.default.html"?`},
		"a template function":       {root + "receivers:\n  - name: nobody\n    email_configs: [{to: a@b.c, html: '{{ env \"HOME\" }}'}]\n", `function "env" not defined`},
		"a template's path":         {root + nobody + "templates: [/etc/alertmanager/*.tmpl]\n", `the template "/etc/alertmanager/*.tmpl" has a path, which tenants may not write`},
		"a template above":          {root + nobody + "templates: [../other/a.tmpl]\n", "has a path"},
		"a template's parent":       {root + nobody + "templates: ['..']\n", "has a path"},
		"a template that is not":    {root + nobody + "templates: [a.tmpl]\n", `no file in templates/ is called "a.tmpl"`},
		"tracing":                   {root + nobody + "tracing: {endpoint: x}\n", "tracing belongs to whoever runs the Alertmanager"},
		"the environment's proxy":   {root + nobody + "global: {http_config: {proxy_from_environment: true}}\n", "uses the Alertmanager's own environment"},
		"an odd name of a file":     {root + nobody + "templates: ['a\\b.tmpl']\n", "has a path"},
		"too large":                 {root + nobody + "# " + strings.Repeat("x", 1<<20), "Alertmanager takes 1048576"},
		"an alias bomb":             {root + nobody + bomb(), "too deeply or stands for too many values"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, problems, _ := alerting.Parse(file, []byte(tc.yaml), nil)
			if c != nil || !strings.Contains(problems.Error(), tc.want) {
				t.Errorf("got\n%v\nwant %s", problems, tc.want)
			}
		})
	}
}

// bomb is a small text whose aliases stand for billions of values.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 10; i++ {
		n := string(rune('0' + i))
		p := string(rune('0' + i - 1))
		b.WriteString("a" + n + ": &a" + n + " [" + strings.TrimSuffix(strings.Repeat("*a"+p+", ", 10), ", ") + "]\n")
	}
	return b.String()
}

func TestAllProblemsAtOnce(t *testing.T) {
	text := "route: {receiver: a}\nreceivers:\n  - name: b\n    slack_configs: [{api_url: https://hooks.slack.com/services/T/B/X, chanel: x}]\ntemplates: [/x]\n"
	_, problems, _ := alerting.Parse(file, []byte(text), nil)
	if len(problems) != 4 {
		t.Errorf("4 things are wrong, %d are told:\n%v", len(problems), problems)
	}
}

func TestBrokenTemplateFiles(t *testing.T) {
	text := []byte(root + nobody + "templates: ['*.tmpl']\n")
	cases := map[string]struct{ tmpl, want string }{
		"syntax":    {"\n{{ if }}", "tenants/payments/templates/a.tmpl:2: missing value for if"},
		"undefined": {"{{ define \"a\" }}\n{{ template \"b\" . }}{{ end }}", `tenants/payments/templates/a.tmpl:2: there is no template "b"`},
		"too large": {strings.Repeat("x", 129<<10), "the cluster takes 131072"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, problems, _ := alerting.Parse(file, text, map[string][]byte{"a.tmpl": []byte(tc.tmpl)})
			if !strings.Contains(problems.Error(), tc.want) {
				t.Errorf("got\n%v\nwant %s", problems, tc.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	cases := map[string]struct{ yaml, want string }{
		"a receiver in no route": {root + "receivers: [{name: nobody}, {name: chat}]\n", `2:36: receiver "chat" is in no route`},
		"nobody by default":      {root + nobody, `receiver "nobody", which calls nobody`},
		"a secret in the open":   {root + "receivers: [{name: nobody, pagerduty_configs: [{routing_key: '${secret:a/b}', client: '${secret:a/c}'}]}]\n", "whoever can read the configuration"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c, problems, warnings := alerting.Parse(file, []byte(tc.yaml), nil)
			if c == nil || !strings.Contains(warnings.Error(), tc.want) {
				t.Errorf("got\n%v\n%v\nwant the warning %s", problems, warnings, tc.want)
			}
		})
	}
	_, _, warnings := alerting.Parse(file, []byte(root+nobody), map[string][]byte{"a.tmpl": nil})
	if !strings.Contains(warnings.Error(), "templates/a.tmpl is not used") {
		t.Errorf("an unused template is not told: %v", warnings)
	}
}
