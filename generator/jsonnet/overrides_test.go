package jsonnet_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/jsonnet"
)

// overrides is the text that std.native('overrides') makes of limits, in groups as Cortex' base has them.
func overrides(t *testing.T, limits string) (string, error) {
	t.Helper()
	folder := t.TempDir()
	text := `function(limits) std.native('overrides')(limits, {k: ['retention', 'lookback'], r: ['rate', 'burst']})`
	if err := os.WriteFile(filepath.Join(folder, "limits.jsonnet"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := jsonnet.New(folder, nil).Evaluate("limits.jsonnet", map[string]string{"limits": limits}, nil)
	if err != nil {
		return "", err
	}
	var result string
	if err := yaml.Unmarshal(out, &result); err != nil {
		t.Fatal(err)
	}
	return result, nil
}

func TestOverridesAreWhatWasGiven(t *testing.T) {
	for name, test := range map[string]struct{ limits, want string }{
		"no tenant":                {`{}`, "overrides: {}\n"},
		"a tenant like all others": {`{search: {}}`, "overrides: {}\n"},
		"nobody has the same":      {`{search: {retention: "9d", lookback: "9d"}}`, "overrides:\n search: {lookback: \"9d\", retention: \"9d\"}\n"},
		"what several have stands once": {
			`{payments: {retention: "9d", lookback: "9d", series: 1}, search: {retention: "9d", lookback: "9d", rate: 0.5, burst: 16}, ticket: {rate: 0.5, burst: 16}}`,
			`overrides:
 payments: {<<: [&k9d {lookback: "9d", retention: "9d"}], series: 1}
 search: {<<: [*k9d,&r0_5 {burst: 16, rate: 0.5}]}
 ticket: {<<: [*r0_5]}
`,
		},
		"what is not the same is not shared": {
			`{payments: {retention: "9d", lookback: "9d"}, search: {retention: "9d", lookback: "8d"}, ticket: {retention: "9d", lookback: "9d"}}`,
			`overrides:
 payments: {<<: [&k9d {lookback: "9d", retention: "9d"}]}
 search: {lookback: "8d", retention: "9d"}
 ticket: {<<: [*k9d]}
`,
		},
		"a removed tenant keeps its retention": {
			`{payments: {retention: "9d", lookback: "9d"}, search: {retention: "9d"}, ticket: {retention: "9d", lookback: "9d"}}`,
			`overrides:
 payments: {<<: [&k9d {lookback: "9d", retention: "9d"}]}
 search: {retention: "9d"}
 ticket: {<<: [*k9d]}
`,
		},
		"words that YAML has a meaning for": {
			`{no: {label: "y"}, "null": {label: ": &a"}, "007": {label: "<é>"}, "123456-7": {label: 1}}`,
			`overrides:
 "007": {label: "<é>"}
 "123456-7": {label: 1}
 "no": {label: "y"}
 "null": {label: ": &a"}
`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := overrides(t, test.limits)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMoreTenantsThanFitAreRefused: the cluster would refuse the ConfigMap, long after the merge.
func TestMoreTenantsThanFitAreRefused(t *testing.T) {
	many := map[string]any{}
	for i := range 1200 {
		many[fmt.Sprintf("team-%04d", i)] = map[string]string{"label": strings.Repeat("x", 1000)}
	}
	limits, err := json.Marshal(many)
	if err != nil {
		t.Fatal(err)
	}
	_, err = overrides(t, string(limits))
	want := "the limits of 1200 tenants have 1200 KiB, and no more than 980 KiB fit into the one file that is read; " +
		"let more tenants use the cluster's defaults, or the same class and retention, or move some to another cluster"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v\nwant one with %s", err, want)
	}
}

func TestOverridesWantObjects(t *testing.T) {
	for _, limits := range []string{`[]`, `{search: 1}`} {
		if _, err := overrides(t, limits); err == nil {
			t.Errorf("%s is taken", limits)
		}
	}
	if got, err := overrides(t, fmt.Sprintf("{search: {label: %q}}", "a\nb")); err != nil || !strings.Contains(got, `"a\nb"`) {
		t.Errorf("a line break: %q, %v", got, err)
	}
}
