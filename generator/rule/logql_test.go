package rule_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/rule"
)

// program is a shell script in the place of logqlcheck, which is built from a module of its own and tested there. Its
// input is kept in the file input beside it.
func program(t *testing.T, script string) *rule.LogQL {
	t.Helper()
	name := filepath.Join(t.TempDir(), "logqlcheck")
	if err := os.WriteFile(name, []byte("#!/bin/sh\ncat > \"$(dirname \"$0\")/input\"\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	found, err := rule.FindLogQL(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestLogQLIsParsedByAProcess(t *testing.T) {
	t.Setenv("SECRET_TOKEN", "hunter2")
	l := program(t, `env > "$(dirname "$0")/env"; echo '{"protocol": 1, "problems": [{"index": 1, "message": "parse error at line 1, col 2"}]}'`)
	wrong, err := l.Check(context.Background(), []rule.Query{{Text: `rate({a="b"}[5m]) > 1`, Rule: true}, {Text: "x"}})
	if diff := cmp.Diff(map[int]string{1: "parse error at line 1, col 2"}, wrong); err != nil || diff != "" {
		t.Fatalf("%v %s", err, diff)
	}
	input, err := os.ReadFile(filepath.Join(filepath.Dir(l.Program), "input"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"protocol":1,"queries":[{"query":"rate({a=\"b\"}[5m]) \u003e 1","rule":true},{"query":"x"}]}`; string(input) != want {
		t.Errorf("it was asked\n%s\nwant\n%s", input, want)
	}
	env, err := os.ReadFile(filepath.Join(filepath.Dir(l.Program), "env"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(env), "hunter2") {
		t.Error("the program was given a secret of the environment")
	}
}

func TestAProgramThatIsNotLogqlcheck(t *testing.T) {
	for script, want := range map[string]string{
		"echo hello":                                         "is it logqlcheck?",
		`echo '{"protocol": 2}'`:                             "speaks protocol 2, and opsgen 1",
		"echo no such thing >&2; exit 3":                     "exit status 3: no such thing",
		`echo '{"protocol": 1, "problems": [{"index": 7}]}'`: "answers about query 7 of 1",
	} {
		if _, err := program(t, script).Check(context.Background(), []rule.Query{{Text: "x"}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", script, err, want)
		}
	}
}

func TestFindLogQL(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := rule.FindLogQL("", ""); !errors.Is(err, rule.ErrNoLogQL) {
		t.Errorf("got %v", err)
	}
	if _, err := rule.FindLogQL("/no/such/program", ""); err == nil || errors.Is(err, rule.ErrNoLogQL) {
		t.Errorf("a program that was named and is not there: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "logqlcheck"), []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if l, err := rule.FindLogQL("", dir); err != nil || l.Program != filepath.Join(dir, "logqlcheck") {
		t.Errorf("got %+v, %v", l, err)
	}
	t.Setenv("PATH", dir)
	if l, err := rule.FindLogQL("", ""); err != nil || l.Program != filepath.Join(dir, "logqlcheck") {
		t.Errorf("got %+v, %v", l, err)
	}
}

func TestLimitsAreThoseOfTheBundle(t *testing.T) {
	text, err := os.ReadFile("../../bases/cortex/limits.libsonnet")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ruler_max_rules_per_rule_group: 200,", "ruler_max_rule_groups_per_tenant: 500,"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("bases/cortex/limits.libsonnet no longer says %s", want)
		}
	}
	var rules []string
	for range 201 {
		rules = append(rules, good)
	}
	if _, problems, _ := rule.Parse(file, []byte(group(rules...)), rule.Options{}); !strings.Contains(problems.Error(), "has 201 rules; the cluster takes 200") {
		t.Error(problems)
	}
}
