package datadog_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/DataDog/agent-payload/v5/gogen"

	"github.com/opsgen/opsgen/proxy/datadog"
)

// agentSketch makes bins as the agent does (datadog-agent, pkg/util/quantile/config.go): the key is the logarithm to
// the base 1+2/128, rounded to even, and shifted so that 1e-9 has the key 1.
func agentSketch(values []float64) gogen.SketchPayload_Sketch_Dogsketch {
	const ln = 2.0 / 128
	bias := -int(math.Floor(math.Log(1e-9)/math.Log1p(ln))) + 1
	key := func(v float64) int32 {
		switch {
		case v < 0:
			return -int32(int(math.RoundToEven(math.Log(-v)/math.Log1p(ln))) + bias)
		case v < 1e-9:
			return 0
		}
		return int32(int(math.RoundToEven(math.Log(v)/math.Log1p(ln))) + bias)
	}
	counts := map[int32]uint32{}
	d := gogen.SketchPayload_Sketch_Dogsketch{Ts: 1700000000, Cnt: int64(len(values)), Min: values[0], Max: values[0]}
	for _, v := range values {
		d.Min, d.Max, d.Sum = min(d.Min, v), max(d.Max, v), d.Sum+v
		counts[key(v)]++
	}
	d.Avg = d.Sum / float64(len(values))
	for k := range counts {
		d.K = append(d.K, k)
	}
	slices.Sort(d.K)
	for _, k := range d.K {
		d.N = append(d.N, counts[k])
	}
	return d
}

func sketchBody(t testing.TB, d ...gogen.SketchPayload_Sketch_Dogsketch) []byte {
	t.Helper()
	payload := gogen.SketchPayload{Sketches: []gogen.SketchPayload_Sketch{
		{Metric: "request.time", Host: "web-1", Tags: []string{"env:prod", "quantile:x", "Zone:a"}, Dogsketches: d},
	}}
	body, err := payload.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestQuantilesOfSketches(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func(i int) float64{
		"uniform":     func(int) float64 { return random.Float64() * 100 },
		"exponential": func(int) float64 { return random.ExpFloat64() * 1e-3 },
		"log-normal":  func(int) float64 { return math.Exp(random.NormFloat64() * 3) },
		"normal":      func(int) float64 { return random.NormFloat64() * 1e6 },
		"negative":    func(int) float64 { return -1 - random.Float64() },
		"two values":  func(i int) float64 { return float64(1 + 999*(i%10/9)) },
		"constant":    func(int) float64 { return 42 },
		"zero":        func(int) float64 { return 0 },
	} {
		for _, size := range []int{1, 2, 3, 1000, 20000} {
			t.Run(fmt.Sprint(name, " ", size), func(t *testing.T) {
				values := make([]float64, size)
				for i := range values {
					values[i] = draw(i)
				}
				s := newSink()
				h := datadog.New(datadog.Options{Sender: s})
				w := serve(h, call{"/api/beta/sketches", "application/x-protobuf", "", sketchBody(t, agentSketch(values))})
				if w.Code != 202 || s.wrong != nil {
					t.Fatalf("answered %d %s %v", w.Code, w.Body, s.wrong)
				}
				slices.Sort(values)
				for _, q := range []float64{0.5, 0.75, 0.95, 0.99} {
					want := values[int(math.RoundToEven(q*float64(size-1)))]
					key := fmt.Sprintf(`request_time{Zone="a",env="prod",exported_quantile="x",host="web-1",quantile="%g"}`, q)
					_, text, _ := strings.Cut(strings.Join(s.series[key], ""), "=")
					got, err := strconv.ParseFloat(text, 64)
					if err != nil || math.Abs(got-want) > 0.0079*math.Abs(want)+1e-9 {
						t.Errorf("quantile %g is %q, want %g: %v", q, text, want, err)
					}
				}
			})
		}
	}
}

func TestCountSumMinMaxAndAverageOfSketches(t *testing.T) {
	s := newSink()
	d := agentSketch([]float64{1, 2, 3, 10})
	empty := gogen.SketchPayload_Sketch_Dogsketch{Ts: 1700000000}
	serve(datadog.New(datadog.Options{Sender: s}), call{"/api/beta/sketches", "application/x-protobuf", "", sketchBody(t, d, empty)})
	for suffix, want := range map[string]string{"_count_delta": "4", "_sum_delta": "16", "_min": "1", "_max": "10", "_avg": "4"} {
		key := "request_time" + suffix + `{Zone="a",env="prod",exported_quantile="x",host="web-1"}`
		if got := strings.Join(s.series[key], " "); got != "1700000000000="+want {
			t.Errorf("%s is %s", key, got)
		}
	}
}

func TestASketchWithOddBinsIsRefused(t *testing.T) {
	d := agentSketch([]float64{1, 2, 3})
	d.N = d.N[:2]
	w := serve(datadog.New(datadog.Options{Sender: newSink()}), call{"/api/beta/sketches", "application/x-protobuf", "", sketchBody(t, d)})
	if w.Code != 400 {
		t.Errorf("answered %d", w.Code)
	}
}
