package promtoolcheck_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// programs are the two that are compared.
type programs struct{ promtool, opsgen string }

// root is the repository's folder, seen from here.
const root = "../.."

func build(t *testing.T) programs {
	t.Helper()
	dir := t.TempDir()
	p := programs{filepath.Join(dir, "promtool"), filepath.Join(dir, "opsgen")}
	goBuild(t, ".", "-modfile", withoutDiscovery(t, dir), "-o", p.promtool, "github.com/prometheus/prometheus/cmd/promtool")
	goBuild(t, root, "-o", p.opsgen, "./generator/cmd/opsgen")
	return p
}

// withoutDiscovery is a go.mod in which Prometheus is a copy of its module that registers no service discovery: tests of
// rules use none, and the libraries of fifteen clouds would take most of the time to build promtool.
func withoutDiscovery(t *testing.T, dir string) string {
	t.Helper()
	source := filepath.Join(dir, "prometheus")
	if err := os.CopyFS(source, os.DirFS(prometheus(t))); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(source, "plugins/plugins.go"), "package plugins\n")
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.mod" {
			text = fmt.Appendf(text, "\nreplace github.com/prometheus/prometheus => %s\n", source)
		}
		write(t, filepath.Join(dir, name), string(text))
	}
	return filepath.Join(dir, "go.mod")
}

// prometheus is the folder of Prometheus' module, which nothing here imports: it may not be on this machine yet.
func prometheus(t *testing.T) string {
	t.Helper()
	command := exec.Command("go", "mod", "download", "-json", "github.com/prometheus/prometheus")
	command.Env = append(os.Environ(), "GOWORK=off")
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	return module.Dir
}

func write(t *testing.T, name, text string) {
	t.Helper()
	// What CopyFS makes of a read-only module cannot be written over.
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func goBuild(t *testing.T, dir string, args ...string) {
	t.Helper()
	command := exec.Command("go", append([]string{"build"}, args...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GOWORK=off")
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %v: %v\n%s", args, err, out)
	}
}

// verdict is what a program says of a file: whether all is well, and which of its tests failed.
type verdict struct {
	Passed bool
	Failed []string
	// Refused says that the file was not run: opsgen reads all of a file first, and promtool a test at a time.
	Refused bool
}

func (p programs) askPromtool(t *testing.T, file string) verdict {
	t.Helper()
	report := filepath.Join(t.TempDir(), "junit.xml")
	command := exec.Command(p.promtool, "test", "rules", "--junit", report, filepath.Base(file))
	command.Dir = filepath.Dir(file)
	v := verdict{Passed: succeeds(t, command)}
	var suites struct {
		Suites []struct {
			Cases []struct {
				Name     string   `xml:"name,attr"`
				Failures []string `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(text, &suites); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, text)
	}
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			if len(c.Failures) > 0 {
				v.Failed = append(v.Failed, c.Name)
			}
		}
	}
	return v
}

func (p programs) askOpsgen(t *testing.T, file string) verdict {
	t.Helper()
	command := exec.Command(p.opsgen, "test", "-o", "json", "--timeout", "10m", "./"+filepath.Base(file))
	command.Dir = filepath.Dir(file)
	var out bytes.Buffer
	command.Stdout = &out
	v := verdict{Passed: succeeds(t, command)}
	var report struct {
		Problems []json.RawMessage `json:"problems"`
		Suites   []struct {
			Cases []struct {
				Name     string            `json:"name"`
				Failures []json.RawMessage `json:"failures"`
			} `json:"cases"`
		} `json:"suites"`
	}
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatalf("%s: %v\n%s", file, err, out.String())
	}
	v.Refused = len(report.Problems) > 0
	for _, s := range report.Suites {
		for _, c := range s.Cases {
			if len(c.Failures) > 0 {
				v.Failed = append(v.Failed, c.Name)
			}
		}
	}
	return v
}

func succeeds(t *testing.T, command *exec.Cmd) bool {
	t.Helper()
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return err == nil
}

func (p programs) compare(t *testing.T, file string) verdict {
	t.Helper()
	want, got := p.askPromtool(t, file), p.askOpsgen(t, file)
	if want.Passed != got.Passed || !got.Refused && !slices.Equal(want.Failed, got.Failed) {
		text, _ := os.ReadFile(file)
		t.Errorf("%s: promtool says %+v, opsgen says %+v\n%.3000s", file, want, got, text)
	}
	return want
}

// tests are the files with tests in a folder.
func tests(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if regexp.MustCompile(`(?m)^tests:`).Match(text) {
				files = append(files, file)
			}
		}
	}
	return files
}

func TestVerdictsAreThoseOfPromtool(t *testing.T) {
	p := build(t)
	own := filepath.Join(root, "generator/ruletest/testdata/corpus")
	t.Run("our corpus", func(t *testing.T) { p.compareAll(t, own, 12) })
	t.Run("promtool's own examples", func(t *testing.T) {
		p.compareAll(t, filepath.Join(prometheus(t), "cmd/promtool/testdata"), 6)
	})
	t.Run("changed at random", func(t *testing.T) { p.compareChanged(t, own) })
}

func (p programs) compareAll(t *testing.T, dir string, atLeast int) {
	t.Helper()
	files := tests(t, dir)
	if len(files) < atLeast {
		t.Errorf("only %d files with tests in %s", len(files), dir)
	}
	for _, file := range files {
		p.compare(t, file)
	}
}

var number = regexp.MustCompile(`\b[0-9]+\b`)

// compareChanged compares the verdicts on files in which some numbers are others: most tests then fail, a few do not.
func (p programs) compareChanged(t *testing.T, from string) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	passed, failed := 0, 0
	for _, name := range []string{"alerts.yaml", "expressions.yaml", "values.yaml", "order.yaml", "failing.yaml", "fuzzy.yaml"} {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		for range 8 {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
			changed := number.ReplaceAllStringFunc(string(text), func(n string) string {
				if random.IntN(12) > 0 {
					return n
				}
				return fmt.Sprint(random.IntN(9))
			})
			file := filepath.Join(dir, name)
			write(t, file, changed)
			if p.compare(t, file).Passed {
				passed++
			} else {
				failed++
			}
		}
	}
	t.Logf("%d files passed, %d failed", passed, failed)
}
