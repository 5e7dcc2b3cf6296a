package chart_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/opsgen/opsgen/generator/chart"
	"github.com/opsgen/opsgen/generator/object"
)

// files makes a chart in the folder charts/thing from names and texts.
func files(texts map[string]string) fstest.MapFS {
	content := fstest.MapFS{"charts/thing/Chart.yaml": {Data: []byte("apiVersion: v2\nname: thing\nversion: 0.0.0\nappVersion: v0.0.0\n")}}
	for name, text := range texts {
		content["charts/thing/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return content
}

func request(texts map[string]string) chart.Request {
	return chart.Request{
		FS: files(texts), Path: "charts/thing", Release: "rel", Namespace: "ns", KubernetesVersion: "1.36", Origin: "acme",
	}
}

// template is a ConfigMap whose only value is an expression.
func template(expression string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: " + expression + "\n"
}

func yamlOf(t *testing.T, objects []object.Object) string {
	t.Helper()
	var b strings.Builder
	for _, o := range objects {
		text, err := o.YAML()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
		b.WriteString("---\n")
	}
	return b.String()
}

func data(t *testing.T, result chart.Result, key string) string {
	t.Helper()
	if len(result.Objects) == 0 {
		t.Fatal("no object")
	}
	values, _ := result.Objects[0].Object["data"].(map[string]any)
	return fmt.Sprint(values[key])
}

func TestExpressions(t *testing.T) {
	for name, test := range map[string]struct{ expression, want string }{
		"release":            {`{{ .Release.Name }}/{{ .Release.Namespace }}`, "rel/ns"},
		"kubernetes":         {`{{ .Capabilities.KubeVersion.Version }}`, "v1.36.0"},
		"known APIs":         {`'{{ .Capabilities.APIVersions.Has "apps/v1" }}'`, "true"},
		"placeholder filled": {`{{ .Chart.Version }} {{ .Chart.AppVersion }}`, "v1.2.3 v1.2.3"},
		"default value":      {`{{ .Values.name }}`, "default"},
		"user's value":       {`{{ .Values.nested.b }}`, "mine"},
		"default beside it":  {`{{ .Values.nested.a }}`, "1"},
		"no build details":   {`"{{ .Capabilities.HelmVersion.GoVersion }}{{ .Capabilities.HelmVersion.GitCommit }}"`, ""},
		"lookup is empty":    {`{{ lookup "v1" "Secret" "a" "b" | toJson | quote }}`, "{}"},
		"a file":             {`{{ .Files.Get "extra.txt" }}`, "extra"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(map[string]string{
				"values.yaml": "name: default\nnested: {a: 1, b: 2}\n", "templates/a.yaml": template(test.expression), "extra.txt": "extra",
			})
			r.Version = "v1.2.3"
			r.Values = map[string]any{"nested": map[string]any{"b": "mine"}}
			result, err := chart.Render(r)
			if err != nil {
				t.Fatal(err)
			}
			if got := data(t, result, "x"); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestForbiddenFunctions(t *testing.T) {
	const helpers = `{{- define "thing.password" -}}{{ randAlphaNum 8 }}{{- end -}}{{- define "thing.unused" -}}{{ now }}{{- end -}}`
	for name, test := range map[string]struct{ expression, want string }{
		"random":               {`{{ randAlphaNum 8 }}`, "thing/templates/a.yaml:6: randAlphaNum is random"},
		"in a pipe":            {`{{ "a" | b64enc | bcrypt }}`, "a.yaml:6: bcrypt makes a new secret"},
		"as an argument":       {`{{ printf "%s" (uuidv4) }}`, "uuidv4"},
		"field of a call":      {`{{ (genCA "a" 1).Cert | quote }}`, "genCA makes a new secret"},
		"in a branch":          {`{{ if .Values.never }}{{ now }}{{ end }}`, "now reads the clock"},
		"in an else":           {`{{ with .Values.x }}{{ else }}{{ shuffle "abc" }}{{ end }}`, "shuffle"},
		"in a loop":            {`{{ range until 2 }}{{ randInt 1 2 }}{{ end }}`, "randInt"},
		"in a variable":        {`{{ $x := htpasswd "a" "b" }}{{ $x }}`, "htpasswd"},
		"the time zone":        {`{{ date "2006" .Values.t }}`, "date depends on"},
		"the machine":          {`{{ getHostByName "localhost" }}`, "getHostByName depends on the machine"},
		"through include":      {`{{ include "thing.password" . }}`, "thing/templates/_helpers.tpl:1: randAlphaNum"},
		"through template":     {`{{ template "thing.password" . }}`, "_helpers.tpl:1"},
		"computed include":     {`{{ include (printf "thing.%s" "password") . }}`, "_helpers.tpl:1"},
		"through tpl":          {`{{ tpl .Values.text . }}`, "values text:1: now reads the clock"},
		"never reached":        {`{{ "fine" }}`, ""},
		"included BasePath":    {`{{ include (print $.Template.BasePath "/b.yaml") . | sha256sum }}`, ""},
		"derived, not random":  {`{{ derivePassword 1 "long" "a" "b" "c" }}`, ""},
		"a value of that name": {`{{ .Values.now }}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(map[string]string{
				"templates/_helpers.tpl": helpers, "templates/a.yaml": template(test.expression), "templates/b.yaml": "",
				"templates/NOTES.txt": "{{ randAlpha 3 }}", "values.yaml": "text: '{{ now }}'\nnow: later\n",
			})
			_, err := chart.Render(r)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "acme/charts/thing") {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			r.AllowFunctions = []string{"randAlphaNum", "now"}
			if _, err := chart.Render(r); name == "in a branch" && err != nil {
				t.Errorf("an allowed function is refused: %v", err)
			}
		})
	}
}

// A chart that goes over a map in random order is caught by rendering twice.
func TestUnstableOrderIsRefused(t *testing.T) {
	values := map[string]any{}
	for n := range 200 {
		values[fmt.Sprintf("key%d", n)] = n
	}
	r := request(map[string]string{"templates/a.yaml": template(`{{ keys .Values | join " " }}`)})
	r.Values = values
	if _, err := chart.Render(r); err == nil || !strings.Contains(err.Error(), "thing/templates/a.yaml is different at a second render") {
		t.Errorf("got %v", err)
	}
	r = request(map[string]string{"templates/a.yaml": template(`{{ keys .Values | sortAlpha | join " " }}`)})
	r.Values = values
	if _, err := chart.Render(r); err != nil {
		t.Error(err)
	}
}

const hook = `apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {helm.sh/hook: "pre-install,pre-upgrade", helm.sh/hook-weight: "1"}
---
apiVersion: v1
kind: Pod
metadata: {name: test, annotations: {helm.sh/hook: test, other: kept}}
`

func TestHooks(t *testing.T) {
	r := request(map[string]string{"templates/hooks.yaml": hook})
	result, err := chart.Render(r)
	if err != nil || len(result.Objects) != 0 || len(result.Dropped) != 2 {
		t.Fatalf("objects %v, dropped %q, %v", result.Objects, result.Dropped, err)
	}
	if got := result.Dropped[0]; !strings.Contains(got, "Job/migrate of templates/hooks.yaml") || !strings.Contains(got, "pre-install,pre-upgrade") {
		t.Errorf("reported: %s", got)
	}
	r.KeepHooks = []string{"Job/migrate", "Pod/test"}
	result, err = chart.Render(r)
	if err != nil || len(result.Objects) != 2 || len(result.Dropped) != 0 {
		t.Fatalf("objects %v, dropped %q, %v", result.Objects, result.Dropped, err)
	}
	if text := yamlOf(t, result.Objects); strings.Contains(text, "helm.sh/hook") || !strings.Contains(text, "other: kept") {
		t.Errorf("kept hooks:\n%s", text)
	}
	r.KeepHooks = []string{"Job/migrat"}
	if _, err := chart.Render(r); err == nil || !strings.Contains(err.Error(), "Job/migrat, which is no hook") || !strings.Contains(err.Error(), "Job/migrate, Pod/test") {
		t.Errorf("got %v", err)
	}
}

func TestDefinitionsAndNotes(t *testing.T) {
	const definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n"
	r := request(map[string]string{
		"crds/a.yaml": definition, "templates/crd.yaml": definition, "templates/NOTES.txt": "{{ fail \"notes are not rendered\" }}",
		"templates/a.yaml": template("text"), "templates/empty.yaml": "\n---\n# nothing\n---\n",
	})
	result, err := chart.Render(r)
	if err != nil || len(result.Objects) != 1 || len(result.Dropped) != 1 {
		t.Fatalf("objects %v, dropped %q, %v", result.Objects, result.Dropped, err)
	}
	if origin := result.Objects[0].Origin; origin != "acme/charts/thing/templates/a.yaml" {
		t.Errorf("origin %s", origin)
	}
	r.KeepDefinitions = true
	if result, err = chart.Render(r); err != nil || len(result.Objects) != 2 {
		t.Errorf("objects %v, %v", result.Objects, err)
	}
}

func TestObjectsHoldJSONTypes(t *testing.T) {
	r := request(map[string]string{"templates/a.yaml": template("text") + "number: 3\nbig: 9007199254740993\nfloat: 1.5\nbool: true\nlist: [1, {a: 2}]\n" +
		"---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: one}}\n- {apiVersion: v1, kind: Secret, metadata: {name: two}}\n"})
	result, err := chart.Render(r)
	if err != nil || len(result.Objects) != 3 {
		t.Fatalf("objects %v, %v", result.Objects, err)
	}
	content := result.Objects[0].Object
	if content["number"] != int64(3) || content["big"] != int64(9007199254740993) || content["float"] != 1.5 || content["bool"] != true {
		t.Errorf("got %#v", content)
	}
	// DeepCopy refuses anything but JSON types.
	for _, o := range result.Objects {
		o.DeepCopy()
	}
	if result.Objects[2].GetName() != "two" {
		t.Errorf("the list's items are %v", result.Objects)
	}
}

func TestChartFaults(t *testing.T) {
	for name, test := range map[string]struct {
		texts map[string]string
		want  string
	}{
		"an empty chart":    {map[string]string{"Chart.yaml": ""}, "validation: chart.metadata.name is required"},
		"syntax":            {map[string]string{"templates/a.yaml": "a\n{{ if }}"}, "templates/a.yaml:2"},
		"unknown function":  {map[string]string{"templates/a.yaml": "{{ nope }}"}, `function "nope" not defined`},
		"fail":              {map[string]string{"templates/a.yaml": `{{ fail "give a name" }}`}, "give a name"},
		"required":          {map[string]string{"templates/a.yaml": `{{ required "name it" .Values.x }}`}, "name it"},
		"bad YAML":          {map[string]string{"templates/a.yaml": "a: b\n c: d\nx: [\n"}, "templates/a.yaml: document 1 is not valid YAML"},
		"bad YAML's text":   {map[string]string{"templates/a.yaml": "a: {{ .Release.Name }}\n c: d\n"}, "| a: rel"},
		"a key twice":       {map[string]string{"templates/a.yaml": template("text") + "kind: X\n"}, `"kind" already`},
		"not an object":     {map[string]string{"templates/a.yaml": "[1]"}, "not a mapping"},
		"no name":           {map[string]string{"templates/a.yaml": "apiVersion: v1\nkind: Pod\n"}, "no metadata.name"},
		"a library":         {map[string]string{"Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.0.0\ntype: library\n"}, "library chart"},
		"too old a cluster": {map[string]string{"Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.0.0\nkubeVersion: '>=1.99'\n"}, "it wants Kubernetes >=1.99"},
		"missing subchart":  {map[string]string{"Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.x, repository: ''}]\n"}, "its subchart sub is not in the package"},
		"schema":            {map[string]string{"values.schema.json": `{"properties":{"a":{"properties":{"b":{"type":"number"}}}}}`, "values.yaml": "a: {b: x}"}, "a.b: got string, want number"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := chart.Render(request(test.texts))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	for path, want := range map[string]string{"charts/nothing": "there is no Chart.yaml", "../charts/thing": "not a path inside"} {
		r := request(nil)
		r.Path = path
		if _, err := chart.Render(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	r := request(nil)
	r.Release = "Not A Name"
	if _, err := chart.Render(r); err == nil || !strings.Contains(err.Error(), "release name") {
		t.Errorf("got %v", err)
	}
}

// A schema that lives elsewhere would make a render depend on the network.
func TestRemoteSchemaIsNotFetched(t *testing.T) {
	r := request(map[string]string{
		"values.schema.json": `{"properties":{"a":{"$ref":"https://schemas.invalid/a.json"}}}`, "templates/a.yaml": template("text"),
	})
	result, err := chart.Render(r)
	if err != nil || len(result.Dropped) != 1 || !strings.Contains(result.Dropped[0], "https://schemas.invalid/a.json") {
		t.Errorf("dropped %q, %v", result.Dropped, err)
	}
}

func TestSubcharts(t *testing.T) {
	texts := map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: thing\nversion: 1.0.0\ndependencies:\n" +
			"- {name: wanted, version: 1.x, repository: '', condition: wanted.enabled}\n- {name: other, version: 1.x, repository: '', condition: other.enabled}\n",
		"values.yaml":                      "wanted: {enabled: true}\nother: {enabled: false}\n",
		"charts/wanted/Chart.yaml":         "apiVersion: v2\nname: wanted\nversion: 1.0.0\n",
		"charts/wanted/values.yaml":        "x: sub\n",
		"charts/wanted/templates/a.yaml":   template("{{ .Values.x }}"),
		"charts/other/Chart.yaml":          "apiVersion: v2\nname: other\nversion: 1.0.0\n",
		"charts/other/templates/a.yaml":    template("{{ randAlpha 3 }}"),
		"charts/other/templates/_x.tpl":    "",
		".helmignore":                      "ignored.yaml\n",
		"templates/ignored.yaml":           "{{ fail \"ignored files are not rendered\" }}",
		"charts/wanted/templates/test.txt": "",
	}
	result, err := chart.Render(request(texts))
	if err != nil || len(result.Objects) != 1 || data(t, result, "x") != "sub" {
		t.Fatalf("objects %v, %v", result.Objects, err)
	}
	if origin := result.Objects[0].Origin; origin != "acme/charts/thing/charts/wanted/templates/a.yaml" {
		t.Errorf("origin %s", origin)
	}
	r := request(texts)
	r.Values = map[string]any{"other": map[string]any{"enabled": true}}
	if _, err := chart.Render(r); err == nil || !strings.Contains(err.Error(), "thing/charts/other/templates/a.yaml:6: randAlpha") {
		t.Errorf("got %v", err)
	}
}

// Renders of one chart with different values must not see each other, although the chart is loaded once.
func TestConcurrentRenders(t *testing.T) {
	r := request(map[string]string{
		"values.yaml": "m: {a: 0}\n", "templates/a.yaml": `{{- $_ := set .Values.m "b" .Values.n }}` + template("{{ .Values.m | toJson | quote }}"),
	})
	r.Sum = "h1:x"
	var renderer chart.Renderer
	var group sync.WaitGroup
	for n := range 20 {
		group.Go(func() {
			mine := r
			mine.Values = map[string]any{"n": fmt.Sprint("v", n)}
			result, err := renderer.Render(mine)
			if err != nil {
				t.Error(err)
				return
			}
			if got, want := data(t, result, "x"), fmt.Sprintf(`{"a":0,"b":"v%d"}`, n); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if len(mine.Values) != 1 {
				t.Errorf("the caller's values were changed: %v", mine.Values)
			}
		})
	}
	group.Wait()
	// What was loaded under a sum is not read again.
	r.FS = fstest.MapFS{}
	r.Values = map[string]any{"n": "x"}
	if _, err := renderer.Render(r); err != nil {
		t.Errorf("the chart was read again: %v", err)
	}
}
