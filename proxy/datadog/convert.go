package datadog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// deltaSuffix ends the names of what was counted since the point before, so that nobody takes it for a counter.
const deltaSuffix = "_delta"

func (k kind) String() string {
	switch k {
	case rate:
		return "rate"
	case count:
		return "count"
	case gauge:
	}
	return "gauge"
}

// readMetrics reads any payload that becomes series.
func (q *request) readMetrics(kind payload, contentType string) error {
	media, _, _ := strings.Cut(contentType, ";")
	switch {
	case kind == sketches:
		return q.readSketches()
	case kind == checkRuns:
		return q.readChecks()
	case kind == intake:
		return q.readIntake()
	case kind == seriesEither && strings.TrimSpace(media) == "application/x-protobuf":
		var into series
		var err error
		q.element, err = messages(q.reader, q.element, func(message []byte) error {
			if err := into.decode(message); err != nil {
				return err
			}
			return q.takeSeries(&into)
		})
		return err
	}
	if first, err := firstByte(q.reader); err != nil || first == 0 {
		return err
	}
	return readSeriesJSON(newElements(q.reader, maxElement), q.takeSeries)
}

// named says whether a series has a name, and counts what it lost.
func (q *request) named(s *series) bool {
	q.handler.meters.drop(q.tenant, droppedPoint, s.invalid)
	if len(s.metric) == 0 {
		q.handler.meters.drop(q.tenant, droppedName, 1)
		return false
	}
	return true
}

func (q *request) takeSeries(s *series) error {
	if !q.named(s) || len(s.points) == 0 {
		return nil
	}
	s.sort()
	q.label(s, "")
	suffix := ""
	if s.kind == count {
		suffix = deltaSuffix
	}
	return q.emit(s.kind.String(), sample{metric: s.metric, suffix: suffix}, s.points)
}

// emit adds a series to the batch and counts it.
func (q *request) emit(kind string, name sample, points []point) error {
	if err := q.add(name, points); err != nil {
		return err
	}
	q.kinds[kind] += len(points)
	return nil
}

// label sets the labels that follow: host and device, the series' tags, and the host's tags.
func (q *request) label(s *series, check string) {
	l := &q.labels
	l.reset()
	l.set("host", s.host)
	l.set("device", s.device)
	l.set("check", []byte(check))
	for _, tag := range s.tags {
		l.tag(tag)
	}
	if len(s.host) > 0 && q.handler.join.Load() {
		for _, tag := range q.state.hosts.of(s.host, q.now, q.handler.hostTagsKept()) {
			l.tag(tag)
		}
	}
	over := 0
	q.finish(l, q.state.tags, func(_, _ []byte) { over++ })
	q.handler.meters.drop(q.tenant, droppedCardinality, over)
}

// finish makes the labels legal within their bounds. lost gets the tags that have too many values.
func (q *request) finish(l *labelSet, bound *cardinality, lost func(name, value []byte)) {
	l.finish(func(name, value []byte) bool {
		allowed, first := bound.allow(q.now, name, value)
		if first {
			q.handler.logger.Warn("a tag has too many values and is left out", "tenant", q.tenant, "tag", string(name))
		}
		if !allowed {
			lost(name, value)
		}
		return allowed
	})
	q.handler.meters.drop(q.tenant, droppedLabels, l.dropped)
}

func (q *request) readSketches() error {
	var into sketch
	var err error
	q.element, err = messages(q.reader, q.element, func(message []byte) error {
		if err := into.decode(message); err != nil {
			return err
		}
		q.handler.meters.drop(q.tenant, droppedSketch, into.other)
		return q.takeSketch(&into)
	})
	return err
}

func (q *request) takeSketch(s *sketch) error {
	if !q.named(&s.series) {
		return nil
	}
	q.label(&s.series, "")
	for i := range s.distributions {
		d := &s.distributions[i]
		if d.count <= 0 {
			q.handler.meters.drop(q.tenant, droppedPoint, 1)
			continue
		}
		for _, part := range []struct {
			suffix string
			value  float64
		}{
			{"_count" + deltaSuffix, float64(d.count)}, {"_sum" + deltaSuffix, d.sum}, {"_min", d.min}, {"_max", d.max}, {"_avg", d.avg},
		} {
			if d.histogram && math.IsNaN(part.value) {
				continue // it may have been sent without
			}
			if err := q.emitOne("sketch", sample{metric: s.metric, suffix: part.suffix}, d.at, part.value); err != nil {
				return err
			}
		}
		for i, quantile := range quantiles() {
			value, known := d.quantile(quantile.rank)
			if d.histogram {
				value, known = d.ranks[i], !math.IsNaN(d.ranks[i])
			}
			if !known {
				break
			}
			if err := q.emitOne("sketch", sample{metric: s.metric, quantile: quantile.text}, d.at, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// emitOne emits a single point, if its time and value are usable.
func (q *request) emitOne(kind string, name sample, seconds, value float64) error {
	var one series
	var room [1]point
	one.points = room[:0]
	one.add(seconds, value)
	if one.invalid > 0 {
		q.handler.meters.drop(q.tenant, droppedPoint, 1)
		return nil
	}
	return q.emit(kind, name, one.points)
}

// checkRun is the result of a service check: 0 OK, 1 warning, 2 critical, 3 unknown.
type checkRun struct {
	Check     string   `json:"check"`
	HostName  string   `json:"host_name"`
	Timestamp number   `json:"timestamp"`
	Status    number   `json:"status"`
	Tags      []string `json:"tags"`
}

// readChecks reads one check run or an array of them.
func (q *request) readChecks() error {
	first, err := firstByte(q.reader)
	if err != nil || first == 0 {
		return err
	}
	e := newElements(q.reader, maxElement)
	read := func() error {
		var run checkRun
		if err := e.next(&run); err != nil {
			return err
		}
		return q.takeCheck(run)
	}
	if first == '[' {
		return e.each(read)
	}
	return read()
}

func (q *request) takeCheck(run checkRun) error {
	s := series{metric: []byte(run.Check), host: []byte(run.HostName)}
	for _, tag := range run.Tags {
		s.tags = append(s.tags, []byte(tag))
	}
	if !q.named(&s) {
		return nil
	}
	at := run.Timestamp.value
	if at == 0 {
		at = float64(q.now.Unix())
	}
	q.label(&s, run.Check)
	return q.emitOne("check", sample{metric: []byte("datadog_service_check")}, at, run.Status.orNaN())
}

// countEvents counts what is dropped, by the name of what it comes from, as agents send it (datadog-agent,
// pkg/serializer/internal/metrics/events.go).
func (q *request) countEvents(e *elements) error {
	var raw json.RawMessage
	err := e.next(&raw)
	var events map[string][]skipped
	if err == nil && unmarshal(raw, &events) == nil {
		for _, list := range events {
			q.handler.meters.drop(q.tenant, droppedEvent, len(list))
		}
	}
	return err
}

// readIntake reads a host's metadata: of it the host's name and tags.
func (q *request) readIntake() error {
	first, err := firstByte(q.reader)
	if err != nil || first == 0 {
		return err
	}
	var host string
	var tags map[string]json.RawMessage
	e := newElements(q.reader, maxDocument)
	err = e.fields(func(name string) error {
		switch name {
		case "internalHostname":
			return e.next(&host)
		case "host-tags":
			return e.next(&tags)
		case "events":
			return q.countEvents(e)
		}
		return e.next(&skipped{})
	})
	if err != nil || host == "" || tags == nil {
		return err
	}
	s := series{host: []byte(host), metric: []byte("datadog_host_tags")}
	for source, list := range tags {
		var values []string
		if err := unmarshal(list, &values); err != nil {
			return fmt.Errorf("%w: the host tags of %.40q are no list", errFormat, source)
		}
		for _, value := range values {
			s.tags = append(s.tags, []byte(value))
		}
	}
	// Maps have no order, but what is kept within the bounds must be the same each time.
	slices.SortFunc(s.tags, bytes.Compare)
	if !q.state.hosts.put(host, s.tags, q.now, q.handler.hostTagsKept()) {
		q.handler.meters.drop(q.tenant, droppedHosts, 1)
	}
	q.label(&s, "")
	return q.emitOne("host", sample{metric: s.metric}, float64(q.now.Unix()), float64(q.now.Unix()))
}
