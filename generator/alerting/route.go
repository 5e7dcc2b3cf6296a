package alerting

import (
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/alertmanager/timeinterval"
	"github.com/prometheus/common/model"
)

// Alertmanager's defaults of the root route (alertmanager, dispatch/route.go, v0.31.1).
const (
	groupWait      = 30 * time.Second
	groupInterval  = 5 * time.Minute
	repeatInterval = 4 * time.Hour
)

// Receiver is who would be called, and how soon.
type Receiver struct {
	// Name is the receiver's name in the configuration.
	Name string `json:"name"`
	// Integrations are the kinds of notification that it has ("slack", "pagerduty"); none: nobody is called.
	Integrations []string `json:"integrations"`
	// Path are the matchers of each route on the way from the root ("{}") to the route that took the alert.
	Path []string `json:"path"`
	// GroupBy are the labels by which alerts are put into one notification; "..." stands for all of them.
	GroupBy []string `json:"groupBy"`
	// GroupWait, GroupInterval and RepeatInterval are written as durations ("30s").
	GroupWait      model.Duration `json:"groupWait"`
	GroupInterval  model.Duration `json:"groupInterval"`
	RepeatInterval model.Duration `json:"repeatInterval"`
	// Muted and Active are names of time intervals in which the route is silent, and outside which it is.
	Muted  []string `json:"muteTimeIntervals,omitempty"`
	Active []string `json:"activeTimeIntervals,omitempty"`
	// Default says that only the root route took the alert.
	Default bool `json:"default"`
}

// Route answers who would be called for an alert with these labels: one receiver a matched route, in the order of the
// file. There is always one, since the root takes what no other route does.
func Route(c *Config, alert map[string]string) []Receiver {
	set := model.LabelSet{}
	for name, value := range alert {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	root := Receiver{
		GroupWait: model.Duration(groupWait), GroupInterval: model.Duration(groupInterval), RepeatInterval: model.Duration(repeatInterval),
		GroupBy: []string{}, Default: true,
	}
	return c.match(c.parsed.Route, set, root)
}

// match is Alertmanager's search, depth first from left to right (dispatch.Route.Match); what a route does not say it has
// from the route above.
func (c *Config) match(route *config.Route, alert model.LabelSet, above Receiver) []Receiver {
	here := matchers(route)
	if !here.Matches(alert) {
		return nil
	}
	own := c.inherit(route, above)
	own.Path = append(slices.Clone(above.Path), here.String())
	var all []Receiver
	for _, child := range route.Routes {
		below := own
		below.Default = false
		matches := c.match(child, alert, below)
		all = append(all, matches...)
		if matches != nil && !child.Continue {
			break
		}
	}
	if len(all) == 0 {
		all = append(all, own)
	}
	return all
}

func (c *Config) inherit(route *config.Route, above Receiver) Receiver {
	own := above
	if route.Receiver != "" {
		own.Name = route.Receiver
		own.Integrations = integrations(c.parsed, own.Name)
	}
	switch {
	case route.GroupBy != nil:
		own.GroupBy = []string{}
		for _, label := range route.GroupBy {
			own.GroupBy = append(own.GroupBy, string(label))
		}
		slices.Sort(own.GroupBy)
	case route.GroupByAll:
		own.GroupBy = []string{"..."}
	}
	own.GroupWait = orAbove(route.GroupWait, above.GroupWait)
	own.GroupInterval = orAbove(route.GroupInterval, above.GroupInterval)
	own.RepeatInterval = orAbove(route.RepeatInterval, above.RepeatInterval)
	own.Muted, own.Active = route.MuteTimeIntervals, route.ActiveTimeIntervals
	return own
}

func orAbove(own *model.Duration, above model.Duration) model.Duration {
	if own != nil {
		return *own
	}
	return above
}

// matchers are a route's conditions, the deprecated forms included.
func matchers(route *config.Route) labels.Matchers {
	list := labels.Matchers{}
	add := func(kind labels.MatchType, name, value string) {
		if m, err := labels.NewMatcher(kind, name, value); err == nil { // the parser compiled it already
			list = append(list, m)
		}
	}
	for name, value := range route.Match {
		add(labels.MatchEqual, name, value)
	}
	for name, value := range route.MatchRE {
		add(labels.MatchRegexp, name, value.String())
	}
	list = append(list, route.Matchers...)
	sort.Sort(list)
	return list
}

// Silent says whether the receiver's route is silent at a time, and the names of the intervals that make it so.
func (c *Config) Silent(r Receiver, at time.Time) (silent bool, because []string) {
	intervals := map[string][]timeinterval.TimeInterval{}
	for _, i := range c.parsed.TimeIntervals {
		intervals[i.Name] = i.TimeIntervals
	}
	for _, i := range c.parsed.MuteTimeIntervals {
		intervals[i.Name] = i.TimeIntervals
	}
	in := func(name string) bool {
		return slices.ContainsFunc(intervals[name], func(i timeinterval.TimeInterval) bool { return i.ContainsTime(at.UTC()) })
	}
	for _, name := range r.Muted {
		if in(name) {
			because = append(because, name)
		}
	}
	if len(because) > 0 {
		return true, because
	}
	if len(r.Active) > 0 && !slices.ContainsFunc(r.Active, in) {
		return true, r.Active
	}
	return false, nil
}

// Values are the values that routes compare a label with (severity="page"), in order: what a rule's author may have
// meant. Regular expressions are not among them.
func (c *Config) Values(label string) []string {
	found := map[string]bool{}
	values(c.parsed.Route, label, found)
	return slices.Sorted(maps.Keys(found))
}

func values(route *config.Route, label string, found map[string]bool) {
	for _, m := range matchers(route) {
		if m.Name == label && m.Type == labels.MatchEqual {
			found[m.Value] = true
		}
	}
	for _, child := range route.Routes {
		values(child, label, found)
	}
}

// RoutesBy says whether any route looks at a label.
func (c *Config) RoutesBy(label string) bool {
	return anyMatcher(c.parsed.Route, func(m *labels.Matcher) bool { return m.Name == label })
}

// Takes says whether any route asks for a label to have such a value.
func (c *Config) Takes(label, value string) bool {
	return anyMatcher(c.parsed.Route, func(m *labels.Matcher) bool {
		return m.Name == label && (m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp) && m.Matches(value)
	})
}

func anyMatcher(route *config.Route, is func(*labels.Matcher) bool) bool {
	return slices.ContainsFunc(matchers(route), is) ||
		slices.ContainsFunc(route.Routes, func(child *config.Route) bool { return anyMatcher(child, is) })
}

// Labels are the names of all labels that routes look at, in order.
func (c *Config) Labels() []string {
	found := map[string]bool{}
	anyMatcher(c.parsed.Route, func(m *labels.Matcher) bool {
		found[m.Name] = true
		return false
	})
	return slices.Sorted(maps.Keys(found))
}
