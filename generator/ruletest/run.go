package ruletest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

// Run runs the tests of files (paths of YAML files), one after the other. The error is about ctx; what is wrong with
// files and tests is in the report.
func Run(ctx context.Context, files []string, o Options) (*Report, error) {
	report := &Report{Suites: []Suite{}}
	covered := coverage{}
	load := &loader{read: map[string]loaded{}}
	covered.add(load, o, o.RuleFiles)
	for _, name := range files {
		s, problems := read(name, o)
		suite := Suite{File: o.show(name), Problems: problems, Cases: []Case{}}
		if len(problems) == 0 {
			suite.Notes = s.notes
			covered.add(load, o, s.ruleFiles)
			for i := range s.text.Tests {
				if o.Only != nil && !o.Only(string(s.text.Tests[i].Name)) {
					continue
				}
				suite.Cases = append(suite.Cases, s.run(ctx, i, o, load, covered))
				if err := ctx.Err(); err != nil {
					return nil, fmt.Errorf("run the tests of rules: %w", err)
				}
			}
		}
		report.Suites = append(report.Suites, suite)
	}
	report.Alerts = covered.list()
	return report, nil
}

// run runs one test.
func (s *suite) run(ctx context.Context, index int, o Options, load *loader, covered coverage) Case {
	t := &s.text.Tests[index]
	path := fmt.Sprintf("tests[%d]", index)
	result := Case{Name: cmp.Or(string(t.Name), fmt.Sprintf("unnamed#%d", index)), Line: s.line(path)}
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout(), fmt.Errorf("the test takes longer than %s", o.timeout()))
	defer cancel()
	r := &run{suite: s, test: t, path: path, covered: covered, options: o}
	if err := r.do(ctx, load); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		r.fail("", "%v", err)
	}
	result.Failures = r.failures
	result.Seconds = time.Since(began).Seconds()
	return result
}

func (s *suite) line(path string) int { return s.doc.Problem(path, "", "").Line }

// run is one test while it runs.
type run struct {
	suite    *suite
	test     *test
	path     string
	options  Options
	covered  coverage
	groups   []*rules.Group
	failures []Failure
}

func (r *run) fail(path, format string, args ...any) {
	f := Failure{Message: fmt.Sprintf(format, args...)}
	if path != "" {
		f.Line = r.suite.line(r.path + path)
	}
	r.failures = append(r.failures, f)
}

// do evaluates the rules from time 0 to the last time that is asked for. An error ends the test.
func (r *run) do(ctx context.Context, load *loader) (err error) {
	// What promtool sets unless told otherwise.
	engine := promqltest.LazyLoaderOpts{EnableAtModifier: true, EnableNegativeOffset: true}
	data, err := promqltest.NewLazyLoader(r.test.loadCommand(r.suite.interval), engine)
	if err != nil {
		return fmt.Errorf("input_series: %w", err)
	}
	defer func() { err = errors.Join(err, data.Close()) }()
	data.SubqueryInterval = r.suite.interval
	if err := r.loadRules(ctx, data, load); err != nil {
		return err
	}
	asked := r.alertTimes()
	last := r.test.lastTime()
	for at := time.Duration(0); at <= last; at += r.suite.interval {
		if err := r.evaluate(ctx, data, at); err != nil {
			return err
		}
		for len(asked) > 0 && asked[0] >= at && asked[0]-at < r.suite.interval {
			r.checkAlerts(asked[0])
			asked = asked[1:]
		}
		if last-at < r.suite.interval {
			break // the next time may be later than a Duration can tell
		}
	}
	for i, e := range r.test.ExprTests {
		r.checkExpr(ctx, data, e, fmt.Sprintf(".promql_expr_test[%d]", i))
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// loadCommand is the input series in the language of promqltest.
func (t *test) loadCommand(evaluation time.Duration) string {
	interval := model.Duration(evaluation)
	if t.Interval != nil && *t.Interval > 0 {
		interval = *t.Interval
	}
	text := fmt.Sprintf("load %s\n", interval)
	for _, s := range t.InputSeries {
		text += fmt.Sprintf("  %s %s\n", s.Series, s.Values)
	}
	return text
}

func (t *test) lastTime() time.Duration {
	var last model.Duration
	for _, a := range t.AlertRuleTests {
		last = max(last, a.EvalTime)
	}
	for _, e := range t.ExprTests {
		last = max(last, e.EvalTime)
	}
	return time.Duration(last)
}

func (r *run) alertTimes() []time.Duration {
	var times []time.Duration
	for _, a := range r.test.AlertRuleTests {
		times = append(times, time.Duration(a.EvalTime))
	}
	slices.Sort(times)
	return slices.Compact(times)
}

func (r *run) loadRules(ctx context.Context, data *promqltest.LazyLoader, load *loader) error {
	interval := r.suite.interval
	if r.test.Interval != nil && *r.test.Interval > 0 {
		interval = time.Duration(*r.test.Interval)
	}
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:   rules.EngineQueryFunc(data.QueryEngine(), data.Storage()),
		Appendable:  data.Storage(),
		Context:     ctx,
		NotifyFunc:  func(context.Context, string, ...*rules.Alert) {},
		GroupLoader: load,
	})
	groups, errs := manager.LoadGroups(interval, labels.FromMap(words(r.test.ExternalLabels)), string(r.test.ExternalURL), nil, false, r.suite.ruleFiles...)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, g := range groups {
		r.groups = append(r.groups, g)
		for _, rule := range g.Rules() {
			if alert, is := rule.(*rules.AlertingRule); is {
				alert.SetRestored(true) // nothing is to be restored: ALERTS is written from the first evaluation on
			}
		}
	}
	// Promtool leaves the order of groups that group_eval_order does not name to chance; here it is that of the files.
	position := func(g *rules.Group) int { return slices.Index(r.suite.ruleFiles, g.File()) }
	sort.Slice(r.groups, func(i, j int) bool {
		a, b := r.groups[i], r.groups[j]
		return cmp.Or(
			cmp.Compare(r.suite.order[a.Name()], r.suite.order[b.Name()]), cmp.Compare(position(a), position(b)),
			cmp.Compare(load.position(a), load.position(b)),
		) < 0
	})
	return nil
}

// evaluate runs all groups once.
func (r *run) evaluate(ctx context.Context, data *promqltest.LazyLoader, at time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	when := time.Unix(0, 0).UTC().Add(at)
	var failures []error
	data.WithSamplesTill(when, func(err error) {
		if err != nil {
			r.fail("", "input_series at %s: %v", model.Duration(at), err)
			return
		}
		for _, g := range r.groups {
			g.Eval(ctx, when)
			for _, rule := range g.Rules() {
				if err := rule.LastError(); err != nil {
					failures = append(failures, fmt.Errorf("rule %s at %s: %w", rule.Name(), model.Duration(at), err))
				}
			}
		}
	})
	return errors.Join(failures...)
}

// loader reads each rule file once for all tests.
type loader struct{ read map[string]loaded }

type loaded struct {
	groups *rulefmt.RuleGroups
	errs   []error
}

// Load implements rules.GroupLoader.
func (l *loader) Load(file string, ignoreUnknown bool, scheme model.ValidationScheme) (*rulefmt.RuleGroups, []error) {
	if _, done := l.read[file]; !done {
		groups, errs := rulefmt.ParseFile(file, ignoreUnknown, scheme)
		l.read[file] = loaded{groups, errs}
	}
	return l.read[file].groups, l.read[file].errs
}

// Parse implements rules.GroupLoader.
func (*loader) Parse(query string) (parser.Expr, error) { return parser.ParseExpr(query) }

// position is a group's place in its file.
func (l *loader) position(g *rules.Group) int {
	groups := l.read[g.File()].groups
	if groups == nil {
		return 0
	}
	return slices.IndexFunc(groups.Groups, func(written rulefmt.RuleGroup) bool { return written.Name == g.Name() })
}
