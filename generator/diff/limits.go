package diff

import (
	"fmt"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Usage is what tenants use, by cluster and tenant: the file of --usage.
type Usage map[string]map[string]Used

// Used is what one tenant uses; a figure that is left out is not known.
type Used struct {
	// ActiveSeries is the number of series that receive samples.
	ActiveSeries float64 `json:"activeSeries,omitempty"`
	// SamplesPerSecond is the rate of samples at the busiest time.
	SamplesPerSecond float64 `json:"samplesPerSecond,omitempty"`
	// BytesPerDay is the volume of log lines.
	BytesPerDay float64 `json:"bytesPerDay,omitempty"`
	// Streams is the number of active log streams.
	Streams float64 `json:"streams,omitempty"`
}

const (
	megabyte      = 1 << 20
	secondsOfADay = 24 * 60 * 60
)

// of is the usage in the unit of a limit of Cortex or Loki; false where it is not known.
func (u Used) of(limit string) (float64, bool) {
	figures := map[string]float64{
		"max_global_series_per_user":  u.ActiveSeries,
		"max_series_per_user":         u.ActiveSeries,
		"ingestion_rate":              u.SamplesPerSecond,
		"ingestion_rate_mb":           u.BytesPerDay / megabyte / secondsOfADay,
		"max_global_streams_per_user": u.Streams,
	}
	figure := figures[limit]
	return figure, figure > 0
}

// limits are what one component allows its tenants.
type limits struct {
	defaults map[string]any
	// tenants are limits by the tenants' IDs.
	tenants map[string]map[string]any
}

// of is a tenant's limit: its own, or the default.
func (l *limits) of(tenant, name string) any {
	if value, ok := l.tenants[tenant][name]; ok {
		return value
	}
	return l.defaults[name]
}

// limits reads all limits of a tree by namespace, from wherever the tenants' pieces are.
func (s *scene) limits(t *Tree, changed func(Change) *item) (map[string]*limits, error) {
	items, err := t.find(func(file string) bool {
		layer, _, _ := strings.Cut(file, "/")
		return (layer == "config" || layer == "platform") && strings.HasPrefix(path.Base(file), "configmap-")
	})
	if err != nil {
		return nil, err
	}
	for _, change := range s.changes {
		if i := changed(change); i != nil && i.GetKind() == "ConfigMap" {
			items = append(items, i)
		}
	}
	all := map[string]*limits{}
	for _, i := range items {
		for _, document := range i.documents() {
			of := all[i.GetNamespace()]
			if of == nil {
				of = &limits{defaults: map[string]any{}, tenants: map[string]map[string]any{}}
				all[i.GetNamespace()] = of
			}
			of.take(document)
		}
	}
	return all, nil
}

// take adds what one document says: a component's configuration the defaults, a runtime configuration the overrides.
func (l *limits) take(document any) {
	for _, section := range []string{"limits", "limits_config"} {
		if defaults, ok := at(document, section).(map[string]any); ok {
			maps.Copy(l.defaults, defaults)
		}
	}
	overrides, _ := at(document, "overrides").(map[string]any)
	for tenant, values := range overrides {
		if own, ok := values.(map[string]any); ok {
			l.tenants[tenant] = own
		}
	}
}

// lowered is one limit that is less than before.
type lowered struct {
	// namespace is the component's, tenant is empty for a default.
	namespace, tenant, name string
	old, new                any
	// inherited says that the tenant has the default.
	inherited bool
}

// object is who has less, as a danger names it.
func (l lowered) object() string {
	if l.tenant == "" {
		return l.namespace + ", every tenant without a value of its own"
	}
	return "tenants/" + l.tenant
}

// lowered finds all limits that are less than before; which chooses them by name.
func (s *scene) lowered(which func(name string) bool) ([]lowered, error) {
	if !slices.ContainsFunc(s.changes, func(c Change) bool { return limiting(c.before) || limiting(c.after) }) {
		return nil, nil
	}
	before, err := s.limits(s.old, func(c Change) *item { return c.before })
	if err != nil {
		return nil, err
	}
	after, err := s.limits(s.new, func(c Change) *item { return c.after })
	if err != nil {
		return nil, err
	}
	var list []lowered
	for _, namespace := range slices.Sorted(maps.Keys(before)) {
		was, is := before[namespace], after[namespace]
		if is == nil {
			continue
		}
		tenants := s.limited(was, is)
		for _, name := range names(was, is) {
			if !which(name) {
				continue
			}
			if less(was.defaults[name], is.defaults[name]) {
				list = append(list, lowered{namespace, "", name, was.defaults[name], is.defaults[name], false})
			}
			for _, tenant := range tenants {
				_, owned := was.tenants[tenant][name]
				_, owns := is.tenants[tenant][name]
				if a, b := was.of(tenant, name), is.of(tenant, name); less(a, b) {
					list = append(list, lowered{namespace, s.nameOf(tenant), name, a, b, !owned && !owns})
				}
			}
		}
	}
	return list, nil
}

// limiting says that an object holds limits.
func limiting(i *item) bool {
	if i == nil || i.GetKind() != "ConfigMap" {
		return false
	}
	for _, document := range i.documents() {
		for _, section := range []string{"overrides", "limits", "limits_config"} {
			if _, ok := at(document, section).(map[string]any); ok {
				return true
			}
		}
	}
	return false
}

// names are the names of all limits, sorted.
func names(all ...*limits) []string {
	seen := map[string]bool{}
	for _, l := range all {
		for name := range l.defaults {
			seen[name] = true
		}
		for _, own := range l.tenants {
			for name := range own {
				seen[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// limited are the tenants that have limits of their own or a known usage, but for removed ones.
func (s *scene) limited(all ...*limits) []string {
	seen := map[string]bool{}
	for name := range s.usage {
		if id := s.newIDs[name]; id != "" {
			seen[id] = true
		}
	}
	for _, l := range all {
		for id := range l.tenants {
			seen[id] = true
		}
	}
	for _, name := range s.cluster.TenantsRemoved {
		if id := s.oldIDs[name]; s.nameOf(id) == name { // otherwise another tenant took the ID over
			delete(seen, id)
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// less compares two limits. In Cortex and Loki 0 is no limit (cortex, docs/configuration/arguments, 1.21; loki,
// pkg/validation/limits.go, 3.7), and so is one that is not written.
func less(old, current any) bool {
	a, okA := amount(old)
	b, okB := amount(current)
	return okA && okB && b < a
}

func amount(value any) (float64, bool) {
	var n float64
	switch v := value.(type) {
	case nil:
		return math.Inf(1), true
	case int64, float64:
		n, _ = number(v)
	case string:
		d, ok := duration(v)
		if !ok {
			return 0, false
		}
		n = d.Seconds()
	default:
		return 0, false
	}
	if n == 0 {
		return math.Inf(1), true
	}
	return n, true
}

var durationPart = regexp.MustCompile(`(\d+)(ms|y|w|d|h|m|s)`)

// duration reads what Prometheus and Go write: "90d", "2160h0m0s".
func duration(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	units := map[string]time.Duration{
		"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day, "w": 7 * day, "y": 365 * day,
	}
	var sum time.Duration
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(part[1])
		if err != nil {
			return 0, false
		}
		sum += time.Duration(n) * units[part[2]]
	}
	return sum, text == "0" || text != "" && durationPart.ReplaceAllString(text, "") == ""
}

// isRetention knows the names of retentions: Cortex's compactor_blocks_retention_period, Loki's retention_period.
func isRetention(name string) bool { return strings.Contains(name, "retention_period") }

func retentionShortened(s *scene, f *findings) error {
	found, err := s.lowered(isRetention)
	for _, l := range found {
		if l.inherited {
			continue // the default's own danger says it
		}
		f.add(dataLoss, l.object(), fmt.Sprintf("%s retention %s → %s deletes %s on the next compaction.",
			signal(l.namespace), span(l.old), span(l.new), lost(l.old, l.new)))
	}
	return err
}

func signal(namespace string) string {
	switch namespace {
	case "cortex":
		return "metrics"
	case "loki":
		return "logs"
	default:
		return namespace
	}
}

// span is a retention in days, where it is whole days.
func span(value any) string {
	seconds, _ := amount(value)
	if math.IsInf(seconds, 1) {
		return "forever"
	}
	if days := seconds / secondsOfADay; days == math.Trunc(days) {
		return fmt.Sprintf("%.0fd", days)
	}
	return short(value)
}

func lost(old, current any) string {
	a, _ := amount(old)
	b, _ := amount(current)
	switch days := (a - b) / secondsOfADay; {
	case math.IsInf(a, 1):
		return "everything older"
	case days == 1:
		return "1 day"
	case days == math.Trunc(days):
		return fmt.Sprintf("%.0f days", days)
	default:
		return fmt.Sprintf("%.1f days", days)
	}
}

// isLimit knows the names of limits that refuse data when they are reached; queries lose nothing.
func isLimit(name string) bool {
	if strings.Contains(name, "query") || strings.Contains(name, "queries") || strings.Contains(name, "ruler_") {
		return false
	}
	return strings.HasPrefix(name, "max_") || strings.Contains(name, "_max_") || strings.HasPrefix(name, "ingestion_rate") ||
		strings.HasPrefix(name, "ingestion_burst") || strings.HasPrefix(name, "per_stream_rate")
}

func shardSizeLowered(s *scene, f *findings) error {
	found, err := s.lowered(func(name string) bool {
		return strings.HasSuffix(name, "shard_size") && strings.HasPrefix(name, "ingestion")
	})
	for _, l := range found {
		if !l.inherited {
			f.add(outage, l.object(), fmt.Sprintf("%s %s %s → %s: queries no longer ask the ingesters that it leaves, "+
				"and do not find what these have not stored yet.", signal(l.namespace), l.name, short(l.old), short(l.new)))
		}
	}
	return err
}

func limitLowered(s *scene, f *findings) error {
	found, err := s.lowered(isLimit)
	for _, l := range found {
		if l.tenant == "" && len(s.usage) > 0 {
			continue // each tenant's usage says whether it matters
		}
		what := fmt.Sprintf("%s %s %s → %s", signal(l.namespace), l.name, short(l.old), short(l.new))
		used, known := s.usage[l.tenant].of(l.name)
		limit, _ := amount(l.new)
		switch {
		case !known && l.inherited:
		case !known:
			f.add(refusal, l.object(), what+"; what is above is refused. What is used is not known: --usage tells.")
		case used > limit:
			f.add(refusal, l.object(), fmt.Sprintf("%s is below what is used: %s, so %.0f %% is refused.", what, figure(used), math.Ceil(100*(used-limit)/used)))
		}
	}
	return err
}

func figure(n float64) string {
	if n == math.Trunc(n) {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.3g", n)
}
