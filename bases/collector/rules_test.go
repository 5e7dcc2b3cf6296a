package collector_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/promql/parser"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// asked are the selectors of the rules and dashboards of the tenant system, with the files that they are in.
func asked(t *testing.T) map[string][]*parser.VectorSelector {
	t.Helper()
	found := map[string][]*parser.VectorSelector{}
	for _, pattern := range []string{"rules/*.yaml", "dashboards/*.json"} {
		files, err := filepath.Glob("../../tenants/system/" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("the tenant system has no %s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var content any
			if err := yaml.Unmarshal(text, &content); err != nil {
				t.Fatal(err)
			}
			for _, expression := range expressions(content) {
				// LogQL is another language; that both are well written is checked elsewhere.
				if parsed, err := parser.ParseExpr(strings.ReplaceAll(expression, "$__rate_interval", "5m")); err == nil {
					parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
						if selector, ok := node.(*parser.VectorSelector); ok {
							found[filepath.Base(file)] = append(found[filepath.Base(file)], selector)
						}
						return nil
					})
				}
			}
		}
	}
	return found
}

func expressions(value any) []string {
	var found []string
	switch value := value.(type) {
	case []any:
		for _, entry := range value {
			found = append(found, expressions(entry)...)
		}
	case map[string]any:
		for key, entry := range value {
			if text, ok := entry.(string); ok && key == "expr" {
				found = append(found, text)
			} else {
				found = append(found, expressions(entry)...)
			}
		}
	}
	return found
}

// jobs are those that docs/operations/platform-metrics.md names.
func jobs(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations/platform-metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Jobs")
	var names []string
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 3 || strings.Contains(cells[1], "---") {
			continue
		}
		for _, name := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[1], -1) {
			names = append(names, name[1])
		}
	}
	if len(names) < 20 {
		t.Fatalf("the page names only %v", names)
	}
	return names
}

// TestWhatRulesAskForIsCollected: a rule about a series that nobody collects never fires.
func TestWhatRulesAskForIsCollected(t *testing.T) {
	known := jobs(t)
	relabelings := relabelings(t)
	for file, selectors := range asked(t) {
		for _, selector := range selectors {
			for _, matcher := range selector.LabelMatchers {
				positive := matcher.Type == labels.MatchEqual || matcher.Type == labels.MatchRegexp
				if matcher.Name == "job" && positive && !slices.ContainsFunc(known, matcher.Matches) {
					t.Errorf("%s: no job of docs/operations/platform-metrics.md is %s", file, matcher)
				}
			}
			name := selector.Name
			if name == "" || strings.HasPrefix(name, "ALERTS") {
				continue
			}
			pool := "cortex" // what is left out is the same for all pods
			switch {
			case strings.HasPrefix(name, "kubelet_"):
				pool = "kubelet"
			case strings.HasPrefix(name, "container_"):
				pool = "cadvisor"
			}
			series := labels.FromStrings("__name__", name, "namespace", "cortex")
			if _, keep := relabel.Process(series, relabelings[pool]...); !keep {
				t.Errorf("%s asks for %s, which the collector leaves out", file, name)
			}
		}
	}
}

func relabelings(t *testing.T) map[string][]*relabel.Config {
	t.Helper()
	all := map[string][]*relabel.Config{}
	for _, c := range as[corev1.ConfigMap](t, rendered(t, "example-aws"), "ConfigMap") {
		if c.Namespace != "collector" {
			continue
		}
		read, err := config.Load(c.Data["prometheus.yaml"], slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		scrapes, err := read.GetScrapeConfigs()
		if err != nil {
			t.Fatal(err)
		}
		for _, scrape := range scrapes {
			all[scrape.JobName] = scrape.MetricRelabelConfigs
		}
	}
	return all
}
