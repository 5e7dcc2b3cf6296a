package frontdoor

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"
)

// A Sample is one value of one series.
type Sample struct {
	// Labels are pairs name, value in the order of their names, "__name__" included.
	Labels [][2]string
	Value  float64
	Time   time.Time
}

// WriteMetrics sends samples in one request of Prometheus' remote write 1.0.
func (d *Door) WriteMetrics(ctx context.Context, token string, samples []Sample) error {
	header := http.Header{
		"Content-Type": {"application/x-protobuf"}, "Content-Encoding": {"snappy"},
		"X-Prometheus-Remote-Write-Version": {"0.1.0"}, "User-Agent": {"bed/1"},
	}
	_, err := d.Do(ctx, http.MethodPost, "metrics", "/api/v1/push", token, header, snappy.Encode(nil, writeRequest(samples)))
	return err
}

// writeRequest encodes a prometheus.WriteRequest (Prometheus, prompb/remote.proto): time series are field 1; their labels
// are field 1 with name 1 and value 2, their samples field 2 with value 1 and milliseconds 2.
func writeRequest(samples []Sample) []byte {
	var request []byte
	for _, s := range samples {
		var series []byte
		for _, l := range s.Labels {
			var label []byte
			label = protowire.AppendString(protowire.AppendTag(label, 1, protowire.BytesType), l[0])
			label = protowire.AppendString(protowire.AppendTag(label, 2, protowire.BytesType), l[1])
			series = protowire.AppendBytes(protowire.AppendTag(series, 1, protowire.BytesType), label)
		}
		var sample []byte
		sample = protowire.AppendFixed64(protowire.AppendTag(sample, 1, protowire.Fixed64Type), math.Float64bits(s.Value))
		sample = protowire.AppendVarint(protowire.AppendTag(sample, 2, protowire.VarintType), uint64(s.Time.UnixMilli())) //nolint:gosec // After 1970.
		series = protowire.AppendBytes(protowire.AppendTag(series, 2, protowire.BytesType), sample)
		request = protowire.AppendBytes(protowire.AppendTag(request, 1, protowire.BytesType), series)
	}
	return request
}

// A Point is one element of an instant query's answer.
type Point struct {
	Labels map[string]string
	Value  float64
}

// QueryMetrics asks an instant query of PromQL.
func (d *Door) QueryMetrics(ctx context.Context, token, query string, at time.Time) ([]Point, error) {
	form := url.Values{"query": {query}, "time": {strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)}}
	answer, err := d.Do(ctx, http.MethodGet, "metrics", "/prometheus/api/v1/query?"+form.Encode(), token, nil, nil)
	if err != nil {
		return nil, err
	}
	return points(answer)
}

func points(answer []byte) ([]Point, error) {
	var parsed struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	if err := json.Unmarshal(answer, &parsed); err != nil {
		return nil, fmt.Errorf("reading the answer to a query: %w", err)
	}
	found := make([]Point, len(parsed.Data.Result))
	for i, r := range parsed.Data.Result {
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("reading the answer to a query: %w", err)
		}
		found[i] = Point{r.Metric, value}
	}
	return found, nil
}

// Count asks a query that answers one number; no answer is 0.
func (d *Door) Count(ctx context.Context, token, query string, at time.Time) (float64, error) {
	found, err := d.QueryMetrics(ctx, token, query, at)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].Value, nil
}
