package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/check"
)

func sortedKeys[V any](m map[string]V) []string {
	var all []string
	for key := range m {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

// A breach is a change of the world that breaks a rule: in a unit, old becomes new (or new is added to the unit where
// old is empty); want is everything that is found then.
type breach struct {
	rule, unit, old, new string
	want                 []string
}

func breaches() []breach {
	return slices.Concat(schemaBreaches, policyBreaches, configBreaches, referenceBreaches, networkBreaches, fluxBreaches)
}

func TestEveryRule(t *testing.T) {
	for _, b := range breaches() {
		t.Run(b.rule, func(t *testing.T) {
			w := readWorld(t)
			w.apply(t, b.unit, b.old, b.new)
			got := w.findings(t, "1.35")
			if !slices.Equal(got, b.want) {
				t.Errorf("with %s in %s:\n got %s\nwant %s", b.new, b.unit, strings.Join(got, "\n     "), strings.Join(b.want, "\n     "))
			}
			if !slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, "("+b.rule+")") }) {
				t.Errorf("rule %s found nothing", b.rule)
			}
		})
	}
}

func (w world) apply(t testing.TB, unit, old, replacement string) {
	t.Helper()
	if old == "" {
		w[unit] += "---\n" + replacement + "\n"
		return
	}
	if !strings.Contains(w[unit], old) {
		t.Fatalf("%s has no %q", unit, old)
	}
	w[unit] = strings.Replace(w[unit], old, replacement, 1)
}

func TestEveryRuleHasATest(t *testing.T) {
	tested := map[string]bool{}
	for _, b := range breaches() {
		tested[b.rule] = true
	}
	seen := map[string]bool{}
	for _, rule := range check.Rules() {
		if !tested[rule.Name] {
			t.Errorf("rule %s has no test", rule.Name)
		}
		if rule.About == "" || !strings.HasSuffix(rule.About, ".") {
			t.Errorf("rule %s: %q is not a sentence", rule.Name, rule.About)
		}
		if seen[rule.Name] {
			t.Errorf("two rules are called %s", rule.Name)
		}
		seen[rule.Name] = true
	}
}
