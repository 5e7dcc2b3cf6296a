package datadog_test

import (
	"net/http"
	"testing"

	"github.com/DataDog/agent-payload/v5/metrics/intake_v3"
	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/proxy/datadog"
)

// histogramColumns are the two examples of intake_v3.proto (agent-payload v5.0.215), the first with a second point that has
// neither a sum nor buckets; and a gauge after them, which is right only if all columns were read as far as they go.
func histogramColumns() *intake_v3.Payload {
	return &intake_v3.Payload{MetricData: &intake_v3.MetricData{
		DictNameStr: texts("explicit", "exponential", "after"),
		Types:       []uint64{kindExplicit | valueSint64, kindExponential | valueSint64, kindGauge | valueSint64},
		NameRefs:    differences(1, 2, 3), TagsetRefs: []int64{0, 0, 0}, ResourcesRefs: []int64{0, 0, 0},
		NumPoints:  []uint64{2, 1, 1},
		Timestamps: differences(1700000000, 1700000010, 1700000000, 1700000000),
		PointFlags: []uint32{4, 3, 4},
		ValsUint64: []uint64{5, 1, 10, 1},
		ValsSint64: []int64{30, 10, 7, 7, 0, 0, -1, 18, 0, 42},
		NumBins:    []uint64{2, 0, 3, 1},
		BinCnts:    []uint64{2, 3, 2, 0, 3, 4},
	}}
}

func TestHistogramsOfOpenTelemetryBecomeSeries(t *testing.T) {
	s := newSink()
	w := serve(datadog.New(datadog.Options{Sender: s, Now: now}), call{path: columnsPath, body: marshalled(t, histogramColumns())})
	if w.Code != http.StatusAccepted {
		t.Fatalf("answered %d %s", w.Code, w.Body)
	}
	// Of the ten values 1.5 1.5 6 6 6 -0.75 -0.75 -0.75 -0.75 0 a histogram knows only in which bucket they lie: (4, 8],
	// (1, 2], [-1, -0.5) and 0. The median of the first five is their bound.
	want := `after{} 1700000000000=42
explicit_avg{} 1700000000000=6
explicit_count_delta{} 1700000000000=5 1700000010000=1
explicit_max{} 1700000010000=7
explicit_min{} 1700000010000=7
explicit_sum_delta{} 1700000000000=30
explicit{quantile="0.5"} 1700000000000=10
explicit{quantile="0.75"} 1700000000000=10
explicit{quantile="0.95"} 1700000000000=10
explicit{quantile="0.99"} 1700000000000=10
exponential_avg{} 1700000000000=1.8
exponential_count_delta{} 1700000000000=10
exponential_sum_delta{} 1700000000000=18
exponential{quantile="0.5"} 1700000000000=0
exponential{quantile="0.75"} 1700000000000=4.666666666666667
exponential{quantile="0.95"} 1700000000000=7.333333333333334
exponential{quantile="0.99"} 1700000000000=7.866666666666667`
	if diff := cmp.Diff(want, s.all()); diff != "" || s.wrong != nil {
		t.Errorf("written (-want +got):\n%s%v", diff, s.wrong)
	}
}

func TestHistogramsThatDoNotFit(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*intake_v3.MetricData)
		want   int
	}{
		"a flag that nobody knows":   {func(d *intake_v3.MetricData) { d.PointFlags[0] = 8 }, 400},
		"fewer flags than points":    {func(d *intake_v3.MetricData) { d.PointFlags = d.PointFlags[:1] }, 400},
		"fewer counts than points":   {func(d *intake_v3.MetricData) { d.ValsUint64 = d.ValsUint64[:2] }, 400},
		"fewer counts than buckets":  {func(d *intake_v3.MetricData) { d.BinCnts = d.BinCnts[:3] }, 400},
		"fewer numbers of buckets":   {func(d *intake_v3.MetricData) { d.NumBins = d.NumBins[:3] }, 400},
		"bounds that do not rise":    {func(d *intake_v3.MetricData) { d.NumBins[0], d.ValsSint64[2] = 3, 10 }, 400},
		"a threshold below zero":     {func(d *intake_v3.MetricData) { d.ValsSint64[8] = -1 }, 400},
		"more points than there are": {func(d *intake_v3.MetricData) { d.NumPoints[1] = 1 << 60 }, 400},
		"more buckets than anybody":  {func(d *intake_v3.MetricData) { d.NumBins[2] = 1 << 40 }, 413},
		"a scale beyond all numbers": {func(d *intake_v3.MetricData) { d.ValsSint64[4], d.ValsSint64[5] = -1<<62, 1<<62 }, 202},
		"counts beyond all numbers":  {func(d *intake_v3.MetricData) { d.ValsUint64[0], d.BinCnts[0] = 1<<64-1, 1<<64-1 }, 202},
	} {
		t.Run(name, func(t *testing.T) {
			payload := histogramColumns()
			test.change(payload.GetMetricData())
			w := serve(datadog.New(datadog.Options{Sender: newSink(), Now: now}), call{path: columnsPath, body: marshalled(t, payload)})
			if w.Code != test.want {
				t.Errorf("answered %d %s, want %d", w.Code, w.Body, test.want)
			}
		})
	}
}
