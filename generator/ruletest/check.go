package ruletest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
)

// firing is an alert that fires or should.
type firing struct{ labels, annotations labels.Labels }

func compareFiring(a, b firing) int {
	if order := labels.Compare(a.labels, b.labels); order != 0 {
		return order
	}
	return labels.Compare(a.annotations, b.annotations)
}

func equalFiring(a, b firing) bool {
	return labels.Equal(a.labels, b.labels) && labels.Equal(a.annotations, b.annotations)
}

// checkAlerts compares what fires with what is expected at a time, right after the evaluation that is due then.
func (r *run) checkAlerts(at time.Duration) {
	for i, t := range r.test.AlertRuleTests {
		if time.Duration(t.EvalTime) != at {
			continue
		}
		got, files := r.firing(string(t.Alertname))
		var want []firing
		for _, e := range t.ExpAlerts {
			expected := words(e.Labels)
			expected[labels.AlertName] = string(t.Alertname)
			want = append(want, firing{labels.FromMap(expected), labels.FromMap(words(e.Annotations))})
		}
		slices.SortFunc(want, compareFiring)
		slices.SortFunc(got, compareFiring)
		if slices.EqualFunc(want, got, equalFiring) {
			r.covered.count(files, string(t.Alertname), len(want) > 0)
			continue
		}
		r.fail(fmt.Sprintf(".alert_rule_test[%d]", i), "alert %s at %s:\n%s", t.Alertname, t.EvalTime, differAlerts(want, got))
	}
}

// firing are the alerts of that name in all groups, and the files of rules that fire; all files of the name where none
// does.
func (r *run) firing(name string) (list []firing, files []string) {
	var all []string
	for _, g := range r.groups {
		for _, rule := range g.Rules() {
			alert, is := rule.(*rules.AlertingRule)
			if !is || alert.Name() != name {
				continue
			}
			all = append(all, g.File())
			for _, a := range alert.ActiveAlerts() {
				if a.State == rules.StateFiring {
					list = append(list, firing{a.Labels.Copy(), a.Annotations.Copy()})
					files = append(files, g.File())
				}
			}
		}
	}
	if len(files) == 0 {
		files = all
	}
	slices.Sort(files)
	return list, slices.Compact(files)
}

func differAlerts(want, got []firing) string {
	var b strings.Builder
	for _, w := range want {
		if slices.ContainsFunc(got, func(g firing) bool { return equalFiring(w, g) }) {
			continue
		}
		i := slices.IndexFunc(got, func(g firing) bool { return labels.Equal(w.labels, g.labels) })
		if i < 0 {
			fmt.Fprintf(&b, "  did not fire: %s\n", shown(w.labels))
			continue
		}
		fmt.Fprintf(&b, "  fired with other annotations: %s\n", shown(w.labels))
		differAnnotations(&b, w.annotations, got[i].annotations)
	}
	for _, g := range got {
		if !slices.ContainsFunc(want, func(w firing) bool { return labels.Equal(w.labels, g.labels) }) {
			fmt.Fprintf(&b, "  fired, and was not expected: %s\n", shown(g.labels))
		}
	}
	if b.Len() == 0 {
		fmt.Fprintf(&b, "  fired %d times, and was expected %d times\n", len(got), len(want))
	}
	return strings.TrimRight(b.String(), "\n")
}

func differAnnotations(b *strings.Builder, want, got labels.Labels) {
	names := map[string]bool{}
	var order []string
	for _, set := range []labels.Labels{want, got} {
		set.Range(func(l labels.Label) {
			if !names[l.Name] {
				names[l.Name] = true
				order = append(order, l.Name)
			}
		})
	}
	for _, name := range order {
		if want.Get(name) != got.Get(name) {
			fmt.Fprintf(b, "    %s: expected %q\n    %s  got      %q\n", name, want.Get(name), strings.Repeat(" ", len(name)), got.Get(name))
		}
	}
}

// shown are labels without the alert's name, which is in the line above.
func shown(set labels.Labels) string {
	return labels.NewBuilder(set).Del(labels.AlertName).Labels().String()
}

// sample is a result or an expectation; of a histogram its text.
type sample struct {
	labels    labels.Labels
	value     float64
	histogram string
}

func (s sample) String() string {
	if s.histogram != "" {
		return s.labels.String() + " " + s.histogram
	}
	return s.labels.String() + " " + strconv.FormatFloat(s.value, 'g', -1, 64)
}

func compareSamples(a, b sample) int { return labels.Compare(a.labels, b.labels) }

// checkExpr compares the result of an expression with what is expected.
func (r *run) checkExpr(ctx context.Context, data *promqltest.LazyLoader, t exprTest, path string) {
	vector, err := query(ctx, data, string(t.Expr), time.Duration(t.EvalTime))
	if err != nil {
		r.fail(path, "%s at %s: %v", t.Expr, t.EvalTime, err)
		return
	}
	var got, want []sample
	for _, s := range vector {
		got = append(got, sample{s.Metric.Copy(), s.F, promqltest.HistogramTestExpression(s.H)})
	}
	for i, e := range t.ExpSamples {
		s, err := e.sample()
		if err != nil {
			r.fail(fmt.Sprintf("%s.exp_samples[%d]", path, i), "%s at %s: labels %q: %v", t.Expr, t.EvalTime, e.Labels, err)
			return
		}
		want = append(want, s)
	}
	slices.SortStableFunc(want, compareSamples)
	slices.SortStableFunc(got, compareSamples)
	if !slices.EqualFunc(want, got, r.equalSamples) {
		r.fail(path, "%s at %s:\n%s", t.Expr, t.EvalTime, r.differSamples(want, got))
	}
}

// equalSamples compares as promtool does: exactly, which NaN never is, or with fuzzy_compare within one step of a float.
func (r *run) equalSamples(a, b sample) bool {
	near := a.value == b.value || r.suite.text.FuzzyCompare &&
		(math.Nextafter(a.value, math.Inf(-1)) == b.value || math.Nextafter(a.value, math.Inf(1)) == b.value)
	return near && labels.Equal(a.labels, b.labels) && a.histogram == b.histogram
}

func (r *run) differSamples(want, got []sample) string {
	missing := func(from, in []sample) []string {
		var list []string
		for _, s := range from {
			if !slices.ContainsFunc(in, func(other sample) bool { return r.equalSamples(s, other) }) {
				list = append(list, s.String())
			}
		}
		return list
	}
	var b strings.Builder
	for _, s := range missing(want, got) {
		fmt.Fprintf(&b, "  expected %s\n", s)
	}
	for _, s := range missing(got, want) {
		fmt.Fprintf(&b, "  got      %s\n", s)
	}
	if len(got) == 0 {
		b.WriteString("  got      nothing\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

func (e expSample) sample() (sample, error) {
	metric, err := parser.ParseMetric(string(e.Labels))
	if err != nil {
		return sample{}, err
	}
	var h *histogram.FloatHistogram
	if e.Histogram != "" {
		_, values, err := parser.ParseSeriesDesc("{} " + string(e.Histogram))
		switch {
		case err != nil:
			return sample{}, err
		case len(values) != 1 || values[0].Histogram == nil:
			return sample{}, fmt.Errorf("%q is not one histogram", e.Histogram)
		}
		h = values[0].Histogram
	}
	return sample{metric, e.Value, promqltest.HistogramTestExpression(h)}, nil
}

func query(ctx context.Context, data *promqltest.LazyLoader, text string, at time.Duration) (promql.Vector, error) {
	q, err := data.QueryEngine().NewInstantQuery(ctx, data.Queryable(), nil, text, time.Unix(0, 0).UTC().Add(at))
	if err != nil {
		return nil, err
	}
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		return slices.Clone(v), nil
	case promql.Scalar:
		return promql.Vector{{T: v.T, F: v.V, Metric: labels.EmptyLabels()}}, nil
	default:
		return nil, errors.New("the result is neither a vector nor a number")
	}
}

// coverage counts what the tests show of each alert.
type coverage map[[2]string]*Coverage

// add makes entries for the alerts of rule files.
func (c coverage) add(load *loader, o Options, files []string) {
	for _, name := range files {
		groups, _ := load.Load(name, false, model.UTF8Validation)
		if groups == nil {
			continue
		}
		for _, g := range groups.Groups {
			for _, rule := range g.Rules {
				key := [2]string{name, rule.Alert}
				if rule.Alert != "" && c[key] == nil {
					c[key] = &Coverage{File: o.show(name), Alert: rule.Alert}
				}
			}
		}
	}
}

func (c coverage) count(files []string, alert string, fired bool) {
	for _, name := range files {
		switch entry := c[[2]string{name, alert}]; {
		case entry == nil:
		case fired:
			entry.Fired++
		default:
			entry.Quiet++
		}
	}
}

func (c coverage) list() []Coverage {
	list := make([]Coverage, 0, len(c))
	for _, entry := range c {
		list = append(list, *entry)
	}
	slices.SortFunc(list, func(a, b Coverage) int {
		if a.File != b.File {
			return strings.Compare(a.File, b.File)
		}
		return strings.Compare(a.Alert, b.Alert)
	})
	return list
}
