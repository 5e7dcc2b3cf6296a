package datadog_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/DataDog/agent-payload/v5/gogen"

	"github.com/opsgen/opsgen/proxy/datadog"
)

// nobody takes everything and looks at nothing.
type nobody struct{}

func (nobody) Metrics(context.Context, string, []byte) (*datadog.Answer, error) {
	return &datadog.Answer{Status: http.StatusOK}, nil
}

func (nobody) Logs(context.Context, string, []byte) (*datadog.Answer, error) {
	return &datadog.Answer{Status: http.StatusOK}, nil
}

const benchmarkSeries = 1000

func benchmark(b *testing.B, path, contentType, encoding string, body []byte) {
	body = packed(b, encoding, body)
	h := datadog.New(datadog.Options{Sender: nobody{}})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Content-Encoding", encoding)
		w := httptest.NewRecorder()
		h.ServeTenant(w, r, "shop", limits())
		if w.Code != http.StatusAccepted {
			b.Fatal(w.Code, w.Body)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchmarkSeries, "ns/element")
}

// BenchmarkSeries is a payload of 1000 series with ten tags and a point each.
func BenchmarkSeries(b *testing.B) {
	payload := gogen.MetricPayload{}
	for i := range benchmarkSeries {
		one := &gogen.MetricPayload_MetricSeries{
			Metric: fmt.Sprintf("some.metric.%d", i%50), Points: []*gogen.MetricPayload_MetricPoint{{Value: 1, Timestamp: 1700000000}},
			Resources: []*gogen.MetricPayload_Resource{{Type: "host", Name: "web-1"}},
		}
		for tag := range 10 {
			one.Tags = append(one.Tags, fmt.Sprintf("tag_%d:value-%d", tag, i%(tag+1)))
		}
		payload.Series = append(payload.Series, one)
	}
	body, err := payload.Marshal()
	if err != nil {
		b.Fatal(err)
	}
	benchmark(b, "/api/v2/series", "application/x-protobuf", "zstd", body)
}

// BenchmarkLogs is a payload of 1000 logs.
func BenchmarkLogs(b *testing.B) {
	var body bytes.Buffer
	for i := range benchmarkSeries {
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		body.WriteByte(separator)
		fmt.Fprintf(&body, `{"message":"GET /cart/%d 200","status":"info","timestamp":1700000000000,"hostname":"web-1","service":"shop",`+
			`"ddsource":"go","ddtags":"env:prod,pod_name:shop-%d,version:1"}`, i, i%7)
	}
	body.WriteByte(']')
	benchmark(b, "/api/v2/logs", "application/json", "gzip", body.Bytes())
}
