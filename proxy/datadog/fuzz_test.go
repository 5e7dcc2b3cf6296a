package datadog_test

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"unicode/utf8"

	"github.com/DataDog/agent-payload/v5/gogen"

	"github.com/opsgen/opsgen/proxy/datadog"
)

// fuzz sends a body to a path. Whatever it is, the answer is one that agents know, and Cortex gets legal, sorted labels.
func fuzz(f *testing.F, path, contentType string, seeds ...[]byte) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := newSink()
		h := datadog.New(datadog.Options{Sender: s, JoinHostTags: true, Now: now})
		w := serve(h, call{path: path, contentType: contentType, body: body})
		switch w.Code {
		case http.StatusOK, http.StatusAccepted, http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		default:
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
		if s.wrong != nil {
			t.Errorf("Cortex would refuse %q", s.wrong)
		}
		for _, all := range []map[string][]string{s.series, s.lines} {
			for key := range all {
				if !utf8.ValidString(key) {
					t.Errorf("no UTF-8: %q", key)
				}
			}
		}
	})
}

func FuzzSeriesProtobuf(f *testing.F) {
	fuzz(f, "/api/v2/series", "application/x-protobuf", agentSeries(f), []byte{0x0a, 0xff, 0xff, 0xff, 0x7f})
}

func FuzzSeriesJSON(f *testing.F) {
	fuzz(f, "/api/v1/series", "application/json",
		[]byte(`{"series":[{"metric":"a.b","points":[[1700000000,1]],"tags":["a:b","a:c"],"host":"h","type":"count"}]}`),
		[]byte(`{"series":[{"metric":"a","type":3,"points":[{"timestamp":1,"value":null}],"resources":[{"type":"host","name":"\ud800"}]}]}`))
}

func FuzzSketches(f *testing.F) {
	fuzz(f, "/api/beta/sketches", "application/x-protobuf", sketchBody(f, agentSketch([]float64{-1, 0, 2, 3e9})),
		sketchBody(f, gogen.SketchPayload_Sketch_Dogsketch{Ts: 1, Cnt: 1, K: []int32{32767, -32767}, N: []uint32{1, 0}}))
}

func FuzzCheckRuns(f *testing.F) {
	fuzz(f, "/api/v1/check_run", "application/json", []byte(`[{"check":"c","host_name":"h","status":1,"timestamp":1,"tags":["a:b"]}]`), []byte(`{}`))
}

func FuzzIntake(f *testing.F) {
	fuzz(f, "/intake/", "application/json", []byte(`{"internalHostname":"h","host-tags":{"system":["a:b"],"x":null}}`), []byte(`[]`))
}

func FuzzLogs(f *testing.F) {
	fuzz(f, "/api/v2/logs", "application/json",
		[]byte(`[{"message":"m","timestamp":1700000000000,"ddtags":"env:a,b:c","hostname":"h","status":"info"}]`), []byte(`{"x":1}{"message":{}}`))
}

func FuzzText(f *testing.F) { fuzz(f, "/v1/input", "text/plain", []byte("a\r\nb\x00\xff\n")) }

// FuzzInflate takes any bytes as a compressed body.
func FuzzInflate(f *testing.F) {
	for i, encoding := range []string{"gzip", "deflate", "zstd"} {
		f.Add(uint8(i), packed(f, encoding, []byte(`{"series":[]}`)))
	}
	f.Fuzz(func(t *testing.T, encoding uint8, body []byte) {
		h := datadog.New(datadog.Options{Sender: newSink()})
		for range 2 { // the second time with what the first left in the pools
			w := serve(h, call{path: "/api/v1/series", encoding: []string{"gzip", "deflate", "zstd"}[encoding%3], body: body})
			if w.Code != http.StatusAccepted && w.Code != http.StatusBadRequest && w.Code != http.StatusRequestEntityTooLarge {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
		}
	})
}

// TestLabelsAreLegalSortedAndTheSameInAnyOrder is the property that a series has one identity.
func TestLabelsAreLegalSortedAndTheSameInAnyOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const letters = "aZ_9:-.é\xff host"
	for range 300 {
		tags := []string{"host:x", "quantile:1"}
		for range random.IntN(60) {
			tag := make([]byte, random.IntN(8))
			for i := range tag {
				tag[i] = letters[random.IntN(len(letters))]
			}
			tags = append(tags, string(tag))
		}
		s := newSink()
		h := datadog.New(datadog.Options{Sender: s, Now: now})
		for range 2 {
			payload := gogen.MetricPayload{Series: []*gogen.MetricPayload_MetricSeries{{
				Metric: "9m", Tags: tags, Points: []*gogen.MetricPayload_MetricPoint{{Value: 1, Timestamp: 1}},
				Resources: []*gogen.MetricPayload_Resource{{Type: "host", Name: "h"}},
			}}}
			body, err := payload.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if w := serve(h, call{"/api/v2/series", "application/x-protobuf", "", body}); w.Code != 202 {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			random.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
		}
		if s.wrong != nil || len(s.series) != 1 {
			t.Fatalf("%q: %v %q", tags, s.series, s.wrong)
		}
	}
}
