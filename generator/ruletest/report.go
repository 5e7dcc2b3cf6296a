package ruletest

import (
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/opsgen/opsgen/generator/document"
)

// Options are the bounds of a run.
type Options struct {
	// Root is the folder that rule_files may not leave, links included; empty permits every folder. Names of files are
	// shown relative to Base.
	Root string
	// Base is the folder that shown names are relative to; empty shows them as they are.
	Base string
	// Timeout is the longest time for one test; 0 is a minute.
	Timeout time.Duration
	// MaxSamples is the most samples that the input series of one test may have; 0 is a million.
	MaxSamples int
	// Only runs tests whose names match; nil runs all.
	Only func(name string) bool
	// RuleFiles are rule files whose alerts are in the report's coverage even if no test names them.
	RuleFiles []string
}

const (
	defaultTimeout    = time.Minute
	defaultMaxSamples = 1_000_000
)

func (o Options) maxSamples() int {
	if o.MaxSamples > 0 {
		return o.MaxSamples
	}
	return defaultMaxSamples
}

func (o Options) timeout() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return defaultTimeout
}

// show is a file's name for messages.
func (o Options) show(name string) string {
	if o.Base == "" {
		return name
	}
	rel, err := filepath.Rel(o.Base, name)
	if err != nil {
		return name
	}
	return filepath.ToSlash(rel)
}

// inside says whether a file, or what a link of that name stands for, is below the root.
func (o Options) inside(name string) bool {
	if o.Root == "" {
		return true
	}
	root, err := filepath.EvalSymlinks(o.Root)
	if err != nil {
		return false
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return within(root, real)
	}
	return within(o.Root, name) // a pattern, or a name of nothing
}

func within(root, name string) bool {
	rel, err := filepath.Rel(root, name)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// Report is what a run found.
type Report struct {
	Suites []Suite `json:"suites"`
	// Alerts are all alerts of the rule files that the tests name and of Options.RuleFiles, by file and name.
	Alerts []Coverage `json:"alerts"`
}

// Passed says that every test passed, and that every file of tests could be read.
func (r *Report) Passed() bool {
	return len(r.Problems()) == 0 && !slices.ContainsFunc(r.Suites, func(s Suite) bool {
		return slices.ContainsFunc(s.Cases, func(c Case) bool { return len(c.Failures) > 0 })
	})
}

// Problems are what is wrong with files of tests, so that these could not be run.
func (r *Report) Problems() document.Problems {
	var problems document.Problems
	for _, s := range r.Suites {
		problems = append(problems, s.Problems...)
	}
	return problems
}

// Suite is one file of tests.
type Suite struct {
	File string `json:"file"`
	// Problems say why the file could not be run at all.
	Problems document.Problems `json:"problems,omitempty"`
	// Notes are about what is no failure, but hardly meant: a pattern that matches no rule file.
	Notes []string `json:"notes,omitempty"`
	Cases []Case   `json:"cases"`
}

// Case is one entry of tests.
type Case struct {
	Name     string    `json:"name"`
	Line     int       `json:"line"`
	Failures []Failure `json:"failures,omitempty"`
	// Seconds are the time that the test took.
	Seconds float64 `json:"seconds"`
}

// Failure is one expectation that was not met, or one reason why a test could not go on.
type Failure struct {
	// Line is where the expectation is written; 0 for none.
	Line int `json:"line,omitempty"`
	// Message says in one or more lines what was expected and what came.
	Message string `json:"message"`
}

// Coverage is one alert, and what the tests show of it.
type Coverage struct {
	File  string `json:"file"`
	Alert string `json:"alert"`
	// Fired is the number of expectations, met, that the alert fires.
	Fired int `json:"fired"`
	// Quiet is the number of expectations, met, that it does not fire.
	Quiet int `json:"quiet"`
}
