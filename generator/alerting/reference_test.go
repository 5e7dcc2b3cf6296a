package alerting_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/alertmanager/config"
	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/generator/alerting"
)

func TestReferences(t *testing.T) {
	got, err := alerting.References(string(read(t, "alertmanager.yaml")) + "# ${secret:comment/key}\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []alerting.Reference{{Name: "slack", Key: "url"}, {Name: "pagerduty", Key: "routing-key"}, {Name: "bridge", Key: "token"}, {Name: "smtp", Key: "password"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExpandedConfigurationIsReadByAlertmanager(t *testing.T) {
	text, err := alerting.Expand(string(read(t, "alertmanager.yaml")), func(name, key string) (string, error) {
		return "https://example.com/" + name + "/" + key + "\n", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if got := string(c.Receivers[1].PagerdutyConfigs[0].RoutingKey); got != "https://example.com/pagerduty/routing-key" {
		t.Errorf("the routing key is %q", got)
	}
	if got := c.Global.SlackAPIURL.String(); got != "https://example.com/slack/url" {
		t.Errorf("the Slack URL is %q", got)
	}
}

// The threat: whoever may write a Secret, or has one with odd characters, adds fields to the configuration.
func TestNoSecretCanChangeAnythingButItsValue(t *testing.T) {
	for _, value := range hostile {
		for _, text := range []string{"a: ${secret:n/k}\nb: c\n", "a: '${secret:n/k}'\nb: c\n", "a: |-\n  ${secret:n/k}\nb: c\n", "a: >-\n  ${secret:n/k}\nb: c\n", "{a: \"${secret:n/k}\", b: c}"} {
			expandsTo(t, text, value)
		}
	}
}

var hostile = []string{
	"x", "true", "1", "null", "~", "a: b", "x\nreceivers: []", "x\n---\ny: z", "'", "\"", "\"}\nb: d", "#", "x # y", "- x", "[x", "{x", "&a x", "*a", "!!binary x", "|", ">", "%YAML", "\\n", "\\", "\t",
	"\x00", "\x07", "\u2028", "\ufeff", "é", "😀", "${secret:n/k}", "${secret:other/key}", "$1", "$$", "{{ . }}", strings.Repeat("x", 10000), " leading", "x ",
}

func FuzzNoSecretCanChangeAnythingButItsValue(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) { expandsTo(t, "a: ${secret:n/k}\nb: c\n", value) })
}

func expandsTo(t *testing.T, text, value string) {
	t.Helper()
	got, err := alerting.Expand(text, func(string, string) (string, error) { return value, nil })
	if err != nil {
		if strings.TrimRight(value, "\r\n") != "" && !strings.Contains(err.Error(), "no text") {
			t.Errorf("%q: %v", value, err)
		}
		return
	}
	var parsed map[string]any
	if err := yaml.Unmarshal([]byte(got), &parsed); err != nil {
		t.Fatalf("%q made the text unreadable: %v\n%s", value, err, got)
	}
	want := map[string]any{"a": strings.TrimRight(value, "\r\n"), "b": "c"}
	if diff := cmp.Diff(want, parsed); diff != "" {
		t.Errorf("%q in\n%s\n%s", value, text, diff)
	}
}

func TestExpandTellsAllThatIsMissing(t *testing.T) {
	text := "a: ${secret:one/key}\nb: [\"x ${secret:two/key}\", \"${secret:three/key}\"]\nc: ${secret:one/key}\n"
	_, err := alerting.Expand(text, func(name, _ string) (string, error) {
		if name == "three" {
			return "", nil
		}
		return "s3cret", errors.New("not found")
	})
	if err == nil {
		t.Fatal("no error")
	}
	want := "line 1: ${secret:one/key}: not found\nline 2: ${secret:two/key}: not found\nline 2: ${secret:three/key} is empty"
	if err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	for _, bad := range []string{"a: ${secret:x}\n", "${secret:a/b}: c\n", "a: [\n${secret:"} {
		if got, err := alerting.Expand(bad, func(string, string) (string, error) { return "x", nil }); err == nil {
			t.Errorf("%q became %q", bad, got)
		}
	}
}
