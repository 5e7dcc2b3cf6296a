package datadog_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/datadog"
)

// sink is Cortex and Loki: it keeps what was written, and answers what the test says.
type sink struct {
	mutex   sync.Mutex
	series  map[string][]string // name{labels} to "milliseconds=value"
	lines   map[string][]string // {labels} to "milliseconds line |metadata"
	sent    int
	answers []datadog.Answer // for the first requests; after them 204
	err     error
	wrong   []string // what a Prometheus server would refuse
}

func newSink() *sink { return &sink{series: map[string][]string{}, lines: map[string][]string{}} }

func (s *sink) answer() (*datadog.Answer, error) {
	s.sent++
	if s.err != nil {
		return nil, s.err
	}
	if len(s.answers) >= s.sent {
		return &s.answers[s.sent-1], nil
	}
	return &datadog.Answer{Status: http.StatusNoContent}, nil
}

// take answers a write and, unless it refuses it, reads each series or stream of its body.
func (s *sink) take(body []byte, read func(content []byte)) (*datadog.Answer, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	answer, err := s.answer()
	if err != nil || answer.Status >= 300 {
		return answer, err
	}
	message, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, err
	}
	fields(message, func(_ protowire.Number, _ uint64, content []byte) { read(content) })
	return answer, nil
}

// fields decodes a protobuf message for tests.
func fields(message []byte, read func(number protowire.Number, value uint64, content []byte)) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		message = message[n:]
		switch kind {
		case protowire.VarintType:
			value, n := protowire.ConsumeVarint(message)
			read(number, value, nil)
			message = message[n:]
		case protowire.Fixed64Type:
			value, n := protowire.ConsumeFixed64(message)
			read(number, value, nil)
			message = message[n:]
		default:
			content, n := protowire.ConsumeBytes(message)
			if n < 0 {
				read(0, 0, nil)
				return
			}
			read(number, 0, content)
			message = message[n:]
		}
	}
}

func pair(message []byte) (name, value string) {
	fields(message, func(number protowire.Number, _ uint64, content []byte) {
		if number == 1 {
			name = string(content)
		} else {
			value = string(content)
		}
	})
	return name, value
}

func (s *sink) Metrics(_ context.Context, _ string, body []byte) (*datadog.Answer, error) {
	return s.take(body, func(series []byte) {
		name, last := "", ""
		var labels, points []string
		fields(series, func(number protowire.Number, _ uint64, content []byte) {
			if number == 1 {
				label, value := pair(content)
				if label <= last || value == "" || !legal(label) {
					s.wrong = append(s.wrong, fmt.Sprintf("label %q=%q after %q", label, value, last))
				}
				if last = label; label == "__name__" {
					name = value
				} else {
					labels = append(labels, fmt.Sprintf("%s=%q", label, value))
				}
				return
			}
			var at uint64
			var value float64
			fields(content, func(number protowire.Number, n uint64, _ []byte) {
				if number == 1 {
					value = math.Float64frombits(n)
				} else {
					at = n
				}
			})
			points = append(points, fmt.Sprintf("%d=%g", at, value))
		})
		if !legal(name) {
			s.wrong = append(s.wrong, "name "+name)
		}
		key := name + "{" + strings.Join(labels, ",") + "}"
		s.series[key] = append(s.series[key], points...)
	})
}

func legal(name string) bool {
	for i, c := range name {
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

func (s *sink) Logs(_ context.Context, _ string, body []byte) (*datadog.Answer, error) {
	return s.take(body, func(stream []byte) {
		labels := ""
		fields(stream, func(number protowire.Number, _ uint64, content []byte) {
			if number == 1 {
				labels = string(content)
				return
			}
			var at time.Time
			line, metadata := "", ""
			fields(content, func(number protowire.Number, _ uint64, content []byte) {
				switch number {
				case 1:
					var seconds, nanos uint64
					fields(content, func(number protowire.Number, n uint64, _ []byte) {
						if number == 1 {
							seconds = n
						} else {
							nanos = n
						}
					})
					at = time.Unix(int64(seconds), int64(nanos))
				case 2:
					line = string(content)
				case 3:
					name, value := pair(content)
					metadata += " " + name + "=" + value
				}
			})
			s.lines[labels] = append(s.lines[labels], fmt.Sprintf("%d %s |%s", at.UnixMilli(), line, metadata))
		})
	})
}

// all is what was written, sorted, a line each.
func (s *sink) all() string {
	var lines []string
	for _, kind := range []map[string][]string{s.series, s.lines} {
		for key, values := range kind {
			lines = append(lines, key+" "+strings.Join(values, " "))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// now is when the tests happen.
func now() time.Time { return time.Unix(1700000000, 0) }

func limits() config.TenantLimits { return config.TenantLimits{InflatedBytes: 8 << 20} }

type call struct {
	path, contentType, encoding string
	body                        []byte
}

func serve(h *datadog.Handler, c call) *httptest.ResponseRecorder {
	method := http.MethodPost
	if strings.HasPrefix(c.path, "/api/v1/validate") {
		method = http.MethodGet
	}
	r := httptest.NewRequest(method, c.path, bytes.NewReader(c.body))
	if c.contentType == "" {
		c.contentType = "application/json"
	}
	r.Header.Set("Content-Type", c.contentType)
	r.Header.Set("Content-Encoding", c.encoding)
	w := httptest.NewRecorder()
	h.ServeTenant(w, r, "shop", limits())
	return w
}

func packed(t testing.TB, encoding string, body []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	case "zstd":
		encoder, err := zstd.NewWriter(&out)
		if err != nil {
			t.Fatal(err)
		}
		w = encoder
	default:
		return body
	}
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
