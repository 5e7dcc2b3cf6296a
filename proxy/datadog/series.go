package datadog

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// kind is what the values of a series mean.
type kind int

const (
	gauge kind = iota
	rate       // per second
	count      // since the point before
)

// point is a sample; the time is in milliseconds since 1970.
type point struct {
	at    int64
	value float64
}

// series is a series as agents send it. Its byte slices belong to the decoder and are valid until the next one.
type series struct {
	metric, host, device []byte
	tags                 [][]byte
	kind                 kind
	points               []point
	invalid              int // points without a usable time or value
}

func (s *series) reset() {
	*s = series{tags: s.tags[:0], points: s.points[:0]}
}

// maxSeconds is the year 9999: later times overflow somewhere on their way.
const maxSeconds = 253402300799

// add adds a point, unless its time or value means nothing: in Prometheus NaN can mean that a series ended.
func (s *series) add(seconds, value float64) {
	if math.IsNaN(value) || !(seconds > 0 && seconds <= maxSeconds) {
		s.invalid++
		return
	}
	s.points = append(s.points, point{at: int64(seconds * 1000), value: value})
}

// sort puts the points in the order of time, which Cortex expects within a series.
func (s *series) sort() {
	slices.SortStableFunc(s.points, func(a, b point) int { return int(min(max(a.at-b.at, -1), 1)) })
}

// number is a JSON number, which may be missing or null.
type number struct {
	value float64
	given bool
}

// UnmarshalJSON takes a number, also a quoted one, and null.
func (n *number) UnmarshalJSON(data []byte) error {
	*n = number{}
	if len(data) > 1 && data[0] == '"' {
		data = data[1 : len(data)-1]
	}
	if string(data) == "null" {
		return nil
	}
	value, err := strconv.ParseFloat(string(data), 64)
	if err != nil {
		return fmt.Errorf("%w: %.40q is no number", errFormat, data)
	}
	*n = number{value: value, given: true}
	return nil
}

func (n number) orNaN() float64 {
	if !n.given {
		return math.NaN()
	}
	return n.value
}

// jsonSeries is a series of /api/v1/series and of /api/v2/series as JSON; the versions differ in some fields.
type jsonSeries struct {
	Metric    string       `json:"metric"`
	Points    []jsonPoint  `json:"points"`
	Tags      []string     `json:"tags"`
	Host      string       `json:"host"`
	Device    string       `json:"device"`
	Type      jsonKind     `json:"type"`
	Resources []jsonObject `json:"resources"`
}

type jsonObject struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

// jsonPoint is [time, value] or {"timestamp": time, "value": value}.
type jsonPoint struct{ at, value number }

// UnmarshalJSON takes either form.
func (p *jsonPoint) UnmarshalJSON(data []byte) error {
	*p = jsonPoint{}
	switch {
	case string(data) == "null":
		return nil
	case data[0] == '{':
		var wrong error
		err := members(data, func(name, value []byte) {
			switch string(name) {
			case "timestamp":
				wrong = errors.Join(wrong, p.at.UnmarshalJSON(value))
			case "value":
				wrong = errors.Join(wrong, p.value.UnmarshalJSON(value))
			}
		})
		return errors.Join(err, wrong)
	case data[0] != '[':
		return fmt.Errorf("%w: %.40q is no point", errFormat, data)
	}
	at, value, _ := bytes.Cut(data[1:len(data)-1], []byte{','})
	if at = bytes.Trim(at, whiteSpace); len(at) == 0 {
		return nil
	}
	if err := p.at.UnmarshalJSON(at); err != nil {
		return err
	}
	if value = bytes.Trim(value, whiteSpace); len(value) == 0 {
		return nil
	}
	return p.value.UnmarshalJSON(value)
}

// jsonKind is "gauge", "rate" or "count" (version 1), or 0 to 3 (version 2).
type jsonKind kind

// UnmarshalJSON takes anything that it does not know as a gauge, as Datadog does.
func (k *jsonKind) UnmarshalJSON(data []byte) error {
	switch string(data) {
	case `"rate"`, `2`, `"RATE"`:
		*k = jsonKind(rate)
	case `"count"`, `1`, `"COUNT"`, `"counter"`:
		*k = jsonKind(count)
	default:
		*k = jsonKind(gauge)
	}
	return nil
}

// readSeriesJSON calls take with each series of {"series": [...]}.
func readSeriesJSON(e *elements, take func(*series) error) error {
	var into series
	return e.eachOf("series", func() error {
		// A new one each time: JSON's null and missing fields leave what was there before.
		var from jsonSeries
		if err := e.next(&from); err != nil {
			return err
		}
		into.reset()
		into.metric, into.host, into.device = []byte(from.Metric), []byte(from.Host), []byte(from.Device)
		into.kind = kind(from.Type)
		for _, tag := range from.Tags {
			into.tags = append(into.tags, []byte(tag))
		}
		for _, resource := range from.Resources {
			into.resource([]byte(resource.Type), []byte(resource.Name))
		}
		for _, p := range from.Points {
			into.add(p.at.orNaN(), p.value.orNaN())
		}
		return take(&into)
	})
}

// resource notes what the series belongs to. Only hosts and devices become labels; agents send nothing else.
func (s *series) resource(kind, name []byte) {
	switch string(kind) {
	case "host":
		s.host = name
	case "device":
		s.device = name
	}
}

// decode reads a MetricPayload.MetricSeries (agent-payload v5, proto/metrics/agent_payload.proto).
func (s *series) decode(message []byte) error {
	s.reset()
	return eachField(message, func(number protowire.Number, value field) error {
		switch number {
		case 1:
			var kind, name []byte
			err := eachField(value.bytes, func(number protowire.Number, value field) error {
				switch number {
				case 1:
					kind = value.bytes
				case 2:
					name = value.bytes
				}
				return nil
			})
			s.resource(kind, name)
			return err
		case 2:
			s.metric = value.bytes
		case 3:
			s.tags = append(s.tags, value.bytes)
		case 4:
			return s.decodePoint(value.bytes)
		case 5:
			s.kind = gauge
			switch value.number {
			case 1:
				s.kind = count
			case 2:
				s.kind = rate
			}
		}
		return nil
	})
}

func (s *series) decodePoint(message []byte) error {
	var at int64
	var value float64
	err := eachField(message, func(number protowire.Number, from field) error {
		switch number {
		case 1:
			value = math.Float64frombits(from.number)
		case 2:
			at = int64(from.number) //nolint:gosec // the wire format of a negative number
		}
		return nil
	})
	s.add(float64(at), value)
	return err
}

// field is the value of a protobuf field: bytes for wire type 2, else a number.
type field struct {
	kind   protowire.Type
	number uint64
	bytes  []byte
}

// eachField calls read for each field of a protobuf message. Groups, which agents do not use, are errors.
func eachField(message []byte, read func(number protowire.Number, value field) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fmt.Errorf("%w: %w", errFormat, protowire.ParseError(n))
		}
		message = message[n:]
		value := field{kind: kind}
		switch kind {
		case protowire.VarintType:
			value.number, n = protowire.ConsumeVarint(message)
		case protowire.Fixed64Type:
			value.number, n = protowire.ConsumeFixed64(message)
		case protowire.Fixed32Type:
			var short uint32
			short, n = protowire.ConsumeFixed32(message)
			value.number = uint64(short)
		case protowire.BytesType:
			value.bytes, n = protowire.ConsumeBytes(message)
		default:
			return fmt.Errorf("%w: field %d has wire type %d", errFormat, number, kind)
		}
		if n < 0 {
			return fmt.Errorf("%w: %w", errFormat, protowire.ParseError(n))
		}
		message = message[n:]
		if err := read(number, value); err != nil {
			return err
		}
	}
	return nil
}
