package datadog_test

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/DataDog/agent-payload/v5/metrics/intake_v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/opsgen/opsgen/proxy/datadog"
)

// texts is a dictionary of texts.
func texts(all ...string) []byte {
	var out []byte
	for _, text := range all {
		out = append(binary.AppendUvarint(out, uint64(len(text))), text...)
	}
	return out
}

// differences are what a column of references or times holds.
func differences(values ...int64) []int64 {
	out := slices.Clone(values)
	for i := len(out) - 1; i > 0; i-- {
		out[i] -= out[i-1]
	}
	return out
}

const (
	kindCount, kindRate, kindGauge, kindSketch     = 1, 2, 3, 4
	kindExplicit, kindExponential                  = 6, 7
	valueSint64, valueFloat32, valueFloat64, units = 0x10, 0x20, 0x30, 0x200
)

// agentColumns is what an agent sends: five series, one without tags and resources.
func agentColumns() *intake_v3.Payload {
	return &intake_v3.Payload{
		Metadata: &intake_v3.Metadata{Tags: []string{"site:a"}, Resources: []string{"host", "all"}},
		MetricData: &intake_v3.MetricData{
			DictNameStr: texts("system.load.1", "requests", "requests.rate", "idle", "latency"),
			DictTagStr:  texts("env:prod", "zone:b", "flag"),
			// Two sets, of the tags 1 and 3, and of all.
			DictTagsets:      append(append([]int64{2}, differences(1, 3)...), append([]int64{3}, differences(1, 2, 3)...)...),
			DictResourceStr:  texts("host", "web-1", "device", "sda"),
			DictResourceLen:  []int64{2, 1},
			DictResourceType: append(differences(1, 3), 1),
			DictResourceName: append(differences(2, 4), 2),

			Types: []uint64{
				kindGauge | valueFloat64 | units, kindCount | valueSint64, kindRate | valueFloat32, kindGauge, kindSketch | valueSint64,
			},
			NameRefs:      differences(1, 2, 3, 4, 5),
			TagsetRefs:    differences(2, 1, 1, 0, 1),
			ResourcesRefs: differences(1, 2, 2, 0, 2),
			Intervals:     []uint64{15, 10, 10, 0, 10},
			NumPoints:     []uint64{2, 1, 1, 1, 1},
			UnitRefs:      []int64{1},
			DictUnitStr:   texts("byte"),
			Timestamps:    differences(1700000000, 1700000010, 1700000010, 1700000010, 1700000000, 1700000010),
			ValsFloat64:   []float64{1.5, 2.25},
			ValsFloat32:   []float32{0.5},
			ValsSint64:    []int64{-7, 30, 10, 10, 3}, // the count; then sum, min, max and count of the sketch
			NumBins:       []uint64{1},
			BinKeys:       []int32{1338 + 149},
			BinCnts:       []uint64{3},
		},
	}
}

func marshalled(t testing.TB, payload proto.Message) []byte {
	t.Helper()
	body, err := proto.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

const columnsPath = "/api/intake/metrics/v3/series"

func TestColumnsOfAnAgentBecomeLegalSeries(t *testing.T) {
	for _, encoding := range []string{"", "zstd"} {
		s := newSink()
		h := datadog.New(datadog.Options{Sender: s, Now: now})
		w := serve(h, call{columnsPath, "application/x-protobuf", encoding, packed(t, encoding, marshalled(t, agentColumns()))})
		if w.Code != http.StatusAccepted {
			t.Fatalf("answered %d %s", w.Code, w.Body)
		}
		want := `idle{host="all",site="a"} 1700000000000=0
latency_avg{env="prod",flag="true",host="web-1",site="a"} 1700000010000=10
latency_count_delta{env="prod",flag="true",host="web-1",site="a"} 1700000010000=3
latency_max{env="prod",flag="true",host="web-1",site="a"} 1700000010000=10
latency_min{env="prod",flag="true",host="web-1",site="a"} 1700000010000=10
latency_sum_delta{env="prod",flag="true",host="web-1",site="a"} 1700000010000=30
latency{env="prod",flag="true",host="web-1",quantile="0.5",site="a"} 1700000010000=10
latency{env="prod",flag="true",host="web-1",quantile="0.75",site="a"} 1700000010000=10
latency{env="prod",flag="true",host="web-1",quantile="0.95",site="a"} 1700000010000=10
latency{env="prod",flag="true",host="web-1",quantile="0.99",site="a"} 1700000010000=10
requests_delta{env="prod",flag="true",host="web-1",site="a"} 1700000010000=-7
requests_rate{env="prod",flag="true",host="web-1",site="a"} 1700000010000=0.5
system_load_1{device="sda",env="prod",flag="true",host="web-1",site="a",zone="b"} 1700000000000=1.5 1700000010000=2.25`
		if diff := cmp.Diff(want, s.all()); diff != "" || s.wrong != nil {
			t.Errorf("written (-want +got):\n%s%v", diff, s.wrong)
		}
	}
}

// Columns that do not fit each other.
func TestColumnsThatDoNotFit(t *testing.T) {
	for name, change := range map[string]func(*intake_v3.MetricData){
		"a name outside of its dictionary":     func(d *intake_v3.MetricData) { d.NameRefs[0] = 99 },
		"a name before its dictionary":         func(d *intake_v3.MetricData) { d.NameRefs[0] = -1 },
		"a tag outside of its dictionary":      func(d *intake_v3.MetricData) { d.DictTagsets[1] = 4 },
		"a list longer than its dictionary":    func(d *intake_v3.MetricData) { d.DictTagsets[0] = 1 << 40 },
		"a list of less than nothing":          func(d *intake_v3.MetricData) { d.DictTagsets[0] = -1 },
		"resources of less than nothing":       func(d *intake_v3.MetricData) { d.DictResourceLen[0] = -1 },
		"fewer names of resources than kinds":  func(d *intake_v3.MetricData) { d.DictResourceName = nil },
		"fewer names than series":              func(d *intake_v3.MetricData) { d.NameRefs = d.NameRefs[:1] },
		"fewer numbers of points than series":  func(d *intake_v3.MetricData) { d.NumPoints = nil },
		"more points than there are":           func(d *intake_v3.MetricData) { d.NumPoints[0] = 1 << 60 },
		"fewer values than points":             func(d *intake_v3.MetricData) { d.ValsFloat64 = nil },
		"fewer bins than a sketch says":        func(d *intake_v3.MetricData) { d.NumBins[0] = 1 << 60 },
		"a histogram without its columns":      func(d *intake_v3.MetricData) { d.Types[0] = kindExplicit },
		"a kind that nobody knows":             func(d *intake_v3.MetricData) { d.Types[0] = 5 },
		"a type of values that nobody knows":   func(d *intake_v3.MetricData) { d.Types[0] = kindGauge | 0x40 },
		"a dictionary that ends in the middle": func(d *intake_v3.MetricData) { d.DictNameStr = []byte{200, 'a'} },
	} {
		t.Run(name, func(t *testing.T) {
			payload := agentColumns()
			change(payload.GetMetricData())
			w := serve(datadog.New(datadog.Options{Sender: newSink(), Now: now}), call{path: columnsPath, body: marshalled(t, payload)})
			if w.Code != http.StatusBadRequest {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
		})
	}
}

// The threat is a small payload that becomes a large one: many series that all name the same long list of tags.
func TestColumnsThatMultiply(t *testing.T) {
	const series = 100_000
	d := &intake_v3.MetricData{
		DictNameStr: texts("m"), DictTagStr: texts("a:" + strings.Repeat("x", 1000)), DictTagsets: []int64{1000, 1},
		Types: slices.Repeat([]uint64{kindGauge}, series), NameRefs: append([]int64{1}, make([]int64, series-1)...),
		TagsetRefs: append([]int64{1}, make([]int64, series-1)...), ResourcesRefs: make([]int64, series),
		NumPoints: slices.Repeat([]uint64{1}, series), Timestamps: append([]int64{1700000000}, make([]int64, series-1)...),
	}
	d.DictTagsets = append(d.DictTagsets, make([]int64, 999)...)
	body := marshalled(t, &intake_v3.Payload{MetricData: d})
	w := serve(datadog.New(datadog.Options{Sender: newSink(), Now: now}), call{path: columnsPath, body: body})
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d bytes for 100 GB of tags are answered %d %s", len(body), w.Code, w.Body)
	}
}

func FuzzColumns(f *testing.F) {
	fuzz(f, columnsPath, "application/x-protobuf", marshalled(f, agentColumns()), marshalled(f, histogramColumns()), []byte{26, 0})
}
