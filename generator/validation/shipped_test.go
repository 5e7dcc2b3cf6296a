package validation_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/validation"
)

// TestThePlatformsAlertsAreTestedAndExplained checks the tenant that is shipped with the bundle: nothing is wrong with its
// files, each alert is made to fire by a test, and whoever is called finds a page that says what to do.
func TestThePlatformsAlertsAreTestedAndExplained(t *testing.T) {
	root := filepath.Join("..", "..")
	report, err := validation.Run(t.Context(), validation.Options{Root: root, Tenants: []string{"system"}, Jobs: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Findings {
		if f.Tenant == "system" {
			t.Errorf("%s: %s", f.File, f.Message)
		}
	}
	if row := report.Tenants[0]; row.Alerts < 20 || row.Fired != row.Alerts {
		t.Errorf("%d of %d alerts are made to fire by a test", row.Fired, row.Alerts)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "operations", "alerts.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(root, "tenants", "system", "rules", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`runbook: docs/operations/alerts\.md#([a-z]+)\n`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		links := link.FindAllStringSubmatch(string(text), -1)
		if alerts := strings.Count(string(text), "- alert:"); len(links) != alerts {
			t.Errorf("%s: %d of %d alerts have a link to a page", file, len(links), alerts)
		}
		for _, l := range links {
			if !strings.Contains(strings.ToLower(string(page)), "\n## "+l[1]+"\n") {
				t.Errorf("%s: the page has no part %s", file, l[1])
			}
		}
	}
}
