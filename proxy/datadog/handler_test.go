package datadog_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/DataDog/agent-payload/v5/gogen"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/opsgen/opsgen/proxy/datadog"
	"github.com/opsgen/opsgen/proxy/limit"
)

func agentSeries(t testing.TB) []byte {
	t.Helper()
	point := []*gogen.MetricPayload_MetricPoint{{Value: 2.5, Timestamp: 1700000010}, {Value: 1.5, Timestamp: 1700000000}}
	payload := gogen.MetricPayload{Series: []*gogen.MetricPayload_MetricSeries{
		{
			Metric: "system.load.1", Type: gogen.MetricPayload_GAUGE, Points: point, Interval: 15,
			Resources: []*gogen.MetricPayload_Resource{{Type: "host", Name: "web-1"}, {Type: "device", Name: "sda"}},
			Tags:      []string{"zone:b", "env:prod", "env:dev", "env:prod", "1st:x", "__name__:evil", "host:other", "empty:", "flag", "a.b-c:ü"},
		},
		{Metric: "requests", Type: gogen.MetricPayload_COUNT, Points: point[:1], Interval: 10},
		{Metric: "requests.rate", Type: gogen.MetricPayload_RATE, Points: point[:1], Interval: 10},
		{Metric: "", Type: gogen.MetricPayload_RATE, Points: point[:1]},
	}}
	body, err := payload.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return body
}

const wantSeries = `requests_delta{} 1700000010000=2.5
requests_rate{} 1700000010000=2.5
system_load_1{_1st="x",_name__="evil",a_b_c="ü",device="sda",env="dev,prod",exported_host="other",flag="true",host="web-1",zone="b"} ` +
	`1700000000000=1.5 1700000010000=2.5`

func TestSeriesOfAnAgentBecomeLegalSeries(t *testing.T) {
	for _, encoding := range []string{"", "gzip", "deflate", "zstd"} {
		t.Run("encoding "+encoding, func(t *testing.T) {
			s := newSink()
			h := datadog.New(datadog.Options{Sender: s, Now: now})
			w := serve(h, call{"/api/v2/series", "application/x-protobuf", encoding, packed(t, encoding, agentSeries(t))})
			if w.Code != http.StatusAccepted || w.Body.String() != `{"errors":[]}` {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(wantSeries, s.all()); diff != "" || s.wrong != nil {
				t.Errorf("written (-want +got):\n%s%v", diff, s.wrong)
			}
		})
	}
}

func TestDocumentedJSON(t *testing.T) {
	for _, test := range []struct {
		name   string
		call   call
		status int
		answer string
		want   string
	}{
		{"validate", call{path: "/api/v1/validate"}, 200, `{"valid":true}`, ""},
		{
			"series version 1",
			call{path: "/api/v1/series", body: []byte(`{"series":[
				{"metric":"page.views","points":[[1700000000,10],[1700000010,"11"],[1700000020,null],[5]],"type":"count","host":"web-1","tags":["a:b",null]},
				{"metric":"up","points":[[1700000000.5,1]],"type":"gauge","tags":null,"device":"sda","source_type_name":"System"}], "other":{"x":[1]}}`)},
			202, `{"status":"ok"}`, "page_views_delta{a=\"b\",host=\"web-1\"} 1700000000000=10 1700000010000=11\nup{device=\"sda\"} 1700000000500=1",
		},
		{
			"series version 2",
			call{path: "/api/v2/series", body: []byte(`{"series":[{"metric":"system.load.1","type":0,
				"points":[{"timestamp":1700000000,"value":0.7}],"resources":[{"name":"dummyhost","type":"host"}]}]}`)},
			202, `{"errors":[]}`, `system_load_1{host="dummyhost"} 1700000000000=0.7`,
		},
		{
			"check runs",
			call{path: "/api/v1/check_run", body: []byte(`[{"check":"ntp.in_sync","host_name":"web-1","timestamp":1700000000,
				"status":2,"message":"late","tags":["a:b"]},{"check":"app.ok","status":0}]`)},
			202, `{"status":"ok"}`, `datadog_service_check{a="b",check="ntp.in_sync",host="web-1"} 1700000000000=2` +
				"\ndatadog_service_check{check=\"app.ok\"} 1700000000000=0",
		},
		{
			"one check run",
			call{path: "/api/v1/check_run", body: []byte(`{"check":"app.ok","host_name":"h","status":1,"timestamp":1700000001}`)},
			202, `{"status":"ok"}`, `datadog_service_check{check="app.ok",host="h"} 1700000001000=1`,
		},
		{
			"host metadata",
			call{path: "/intake/", body: []byte(`{"apiKey":"x","internalHostname":"web-1","meta":{"hostname":"web-1"},
				"host-tags":{"system":["env:prod","role:db"],"gce":null},"gohai":"{}"}`)},
			202, `{"status":"ok"}`, `datadog_host_tags{env="prod",host="web-1",role="db"} 1700000000000=1.7e+09`,
		},
		{"no metadata of a host", call{path: "/intake/", body: []byte(`{"agent_checks":[]}`)}, 202, `{"status":"ok"}`, ""},
		{"metadata that nobody keeps", call{path: "/api/v1/metadata", body: []byte(`anything`)}, 202, `{"status":"ok"}`, ""},
		{
			"logs of an agent",
			call{path: "/api/v2/logs", body: []byte(`[{"message":"{\"a\":1}","status":"INFO","timestamp":1700000000123,
				"hostname":"web-1","service":"shop","ddsource":"go","ddtags":"env:prod,pod_name:shop-1,version:1"},
				{"message":"next","status":"info","timestamp":1700000000124,"hostname":"web-1","service":"shop","ddsource":"go","ddtags":"env:prod"}]`)},
			202, `{}`, `{env="prod", host="web-1", service="shop", source="go", status="info"} ` +
				`1700000000123 {"a":1} | pod_name=shop-1 version=1 1700000000124 next |`,
		},
		{
			"a log with attributes",
			call{path: "/v1/input?service=s&ddsource=x&ddtags=env:e", body: []byte(`{"message":"m","user":7}`)},
			200, `{}`, `{env="e", service="s", source="x"} 1700000000000 {"message":"m","user":7} |`,
		},
		{"a log of nothing", call{path: "/api/v2/logs", body: []byte(`{}`)}, 202, `{}`, ""},
		{"plain text", call{path: "/v1/input", contentType: "text/plain", body: []byte("one\n\ntwo\n")}, 200, `{}`, `{source="datadog"} 1700000000000 one | 1700000000000 two |`},
		{"a series that is no series", call{path: "/api/v1/series", body: []byte(`{"series":[7]}`)}, 400, "", ""},
		{"no JSON", call{path: "/api/v1/series", body: []byte(`<xml/>`)}, 400, "", ""},
		{"half a payload", call{path: "/api/v1/series", body: []byte(`{"series":[`)}, 400, "", ""},
		{"half a protobuf", call{path: "/api/v2/series", contentType: "application/x-protobuf", body: []byte{10, 200, 1, 1}}, 400, "", ""},
		{"an unknown encoding", call{path: "/api/v1/series", encoding: "br", body: []byte(`{}`)}, 400, "", ""},
		{"a path of nobody", call{path: "/api/v9/series", body: []byte(`{}`)}, 404, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSink()
			w := serve(datadog.New(datadog.Options{Sender: s, Now: now}), test.call)
			if w.Code != test.status || test.answer != "" && w.Body.String() != test.answer {
				t.Errorf("answered %d %s, want %d %s", w.Code, w.Body, test.status, test.answer)
			}
			if w.Code >= 400 && !strings.HasPrefix(w.Body.String(), `{"errors":["`) {
				t.Errorf("the error is %s", w.Body)
			}
			if diff := cmp.Diff(test.want, s.all()); diff != "" || s.wrong != nil {
				t.Errorf("written (-want +got):\n%s%v", diff, s.wrong)
			}
		})
	}
}

func TestHostTagsAreJoinedWhileFresh(t *testing.T) {
	s, at := newSink(), now()
	h := datadog.New(datadog.Options{Sender: s, JoinHostTags: true, HostTagsKept: time.Hour, Now: func() time.Time { return at }})
	up := call{path: "/api/v1/series", body: []byte(`{"series":[{"metric":"up","points":[[1700000000,1]],"host":"h","tags":["env:x"]}]}`)}
	serve(h, up)
	serve(h, call{path: "/intake/", body: []byte(`{"internalHostname":"h","host-tags":{"system":["env:prod","role:db"]}}`)})
	serve(h, up)
	at = at.Add(2 * time.Hour)
	serve(h, up)
	want := `datadog_host_tags{env="prod",host="h",role="db"} 1700000000000=1.7e+09
up{env="prod,x",host="h",role="db"} 1700000000000=1
up{env="x",host="h"} 1700000000000=1 1700000000000=1`
	if diff := cmp.Diff(want, s.all()); diff != "" {
		t.Errorf("written (-want +got):\n%s", diff)
	}
}

func TestAnAgentKeepsWhatMayStillBeTaken(t *testing.T) {
	for _, test := range []struct {
		upstream datadog.Answer
		err      error
		status   int
	}{
		{upstream: datadog.Answer{Status: 200}, status: 202},
		{upstream: datadog.Answer{Status: 400, Body: []byte("out of order")}, status: 400},
		{upstream: datadog.Answer{Status: 422}, status: 400}, // an agent would send a 422 again for ever
		{upstream: datadog.Answer{Status: 429, RetryAfter: "7"}, status: 429},
		{upstream: datadog.Answer{Status: 500}, status: 500},
		{upstream: datadog.Answer{Status: 503}, status: 503},
		{upstream: datadog.Answer{Status: 401}, status: 502}, // 401 and 403 would lose good data
		{upstream: datadog.Answer{Status: 403}, status: 502},
		{upstream: datadog.Answer{Status: 404}, status: 502},
		{upstream: datadog.Answer{Status: 302}, status: 502},
		{err: errors.New("no route"), status: 503},
	} {
		t.Run(fmt.Sprint(test.upstream.Status, test.err), func(t *testing.T) {
			s := newSink()
			s.answers, s.err = []datadog.Answer{test.upstream}, test.err
			w := serve(datadog.New(datadog.Options{Sender: s}), call{"/api/v2/series", "application/x-protobuf", "", agentSeries(t)})
			if w.Code != test.status || w.Header().Get("Retry-After") != test.upstream.RetryAfter {
				t.Errorf("answered %d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
			}
		})
	}
}

// long is a payload of several requests.
func long(n int) []byte {
	var body bytes.Buffer
	body.WriteString(`{"series":[`)
	for i := range n {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"metric":"m","points":[[1700000000,%d]],"tags":["id:%d"]}`, i, i)
	}
	body.WriteString(`]}`)
	return body.Bytes()
}

func TestALargePayloadIsSplit(t *testing.T) {
	s := newSink()
	registry := prometheus.NewRegistry()
	h := datadog.New(datadog.Options{Sender: s, Registerer: registry, Now: now})
	s.answers = []datadog.Answer{{Status: 400, Body: []byte("out of order")}}
	w := serve(h, call{path: "/api/v1/series", body: long(9000)})
	if w.Code != 400 || s.sent != 2 || len(s.series) != 4000 {
		t.Errorf("what is good was not written: %d, %d requests, %d series", w.Code, s.sent, len(s.series))
	}
	s = newSink()
	s.answers = []datadog.Answer{{Status: 503}}
	if w := serve(datadog.New(datadog.Options{Sender: s}), call{path: "/api/v1/series", body: long(9000)}); w.Code != 503 || s.sent != 1 {
		t.Errorf("answered %d after %d requests", w.Code, s.sent)
	}
	const want = `# HELP opsgen_proxy_datadog_dropped_total What Datadog agents sent and nobody keeps.
# TYPE opsgen_proxy_datadog_dropped_total counter
opsgen_proxy_datadog_dropped_total{reason="refused",tenant="shop"} 5000
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), datadog.MetricDropped); err != nil {
		t.Error(err)
	}
}

func TestATagOfTooManyValuesIsLeftOutAndNamed(t *testing.T) {
	s := newSink()
	registry := prometheus.NewRegistry()
	h := datadog.New(datadog.Options{Sender: s, Registerer: registry, Now: now})
	serve(h, call{path: "/api/v1/series", body: long(10500)})
	if len(s.series) != 10001 || len(s.series["m{}"]) != 500 {
		t.Errorf("%d series, %d without the tag", len(s.series), len(s.series["m{}"]))
	}
	const want = `# HELP opsgen_proxy_datadog_tag_over_limit Tags with too many values, which are left out.
# TYPE opsgen_proxy_datadog_tag_over_limit gauge
opsgen_proxy_datadog_tag_over_limit{tag="id",tenant="shop"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), datadog.MetricTagOverLimit); err != nil {
		t.Error(err)
	}
}

func TestBombsAreRefused(t *testing.T) {
	zeros := make([]byte, 64<<20)
	huge := append([]byte(`{"series":[{"metric":"`), bytes.Repeat([]byte("a"), 6<<20)...)
	for _, encoding := range []string{"gzip", "deflate", "zstd"} {
		spaces := bytes.Repeat([]byte(" "), len(zeros))
		for name, c := range map[string]call{
			"spaces":      {path: "/api/v1/series", body: spaces},
			"one series":  {path: "/api/v1/series", body: huge},
			"protobuf":    {path: "/api/beta/sketches", body: append([]byte{0x0a, 0x80, 0x80, 0x80, 0x80, 0x08}, zeros...)},
			"text":        {path: "/v1/input", contentType: "text/plain", body: zeros},
			"host's tags": {path: "/intake/", body: spaces},
		} {
			t.Run(encoding+" "+name, func(t *testing.T) {
				c.encoding, c.body = encoding, packed(t, encoding, c.body)
				s := newSink()
				if w := serve(datadog.New(datadog.Options{Sender: s}), c); w.Code != http.StatusRequestEntityTooLarge {
					t.Errorf("answered %d %s", w.Code, w.Body)
				}
			})
		}
	}
	t.Run("nesting", func(t *testing.T) {
		deep := bytes.Repeat([]byte("["), 1<<20)
		if w := serve(datadog.New(datadog.Options{Sender: newSink()}), call{path: "/intake/", body: append([]byte(`{"x":`), deep...)}); w.Code != 400 {
			t.Errorf("answered %d", w.Code)
		}
	})
}

func TestABodyThatDoesNotArriveComesAgain(t *testing.T) {
	for name, test := range map[string]struct {
		err    error
		status int
	}{
		"connection lost":  {errors.New("reset"), http.StatusRequestTimeout},
		"bytes a second":   {&limit.Refusal{Status: 429, Reason: limit.ByteRate, RetryAfter: 3 * time.Second}, 429},
		"larger than said": {&http.MaxBytesError{Limit: 7}, 413},
	} {
		for _, encoding := range []string{"", "gzip", "deflate", "zstd"} {
			t.Run(name+" "+encoding, func(t *testing.T) {
				body := packed(t, encoding, long(100))
				r := httptest.NewRequest(http.MethodPost, "/api/v1/series", &broken{content: body[:len(body)/2], err: test.err})
				r.Header.Set("Content-Encoding", encoding)
				w := httptest.NewRecorder()
				datadog.New(datadog.Options{Sender: newSink()}).ServeTenant(w, r, "shop", limits())
				if w.Code != test.status {
					t.Errorf("answered %d %s", w.Code, w.Body)
				}
			})
		}
	}
}

// broken is a body that ends with an error.
type broken struct {
	content []byte
	err     error
}

func (b *broken) Read(p []byte) (int, error) {
	if len(b.content) == 0 {
		return 0, b.err
	}
	n := copy(p, b.content)
	b.content = b.content[n:]
	return n, nil
}

func TestEventsAreTakenAndCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := datadog.New(datadog.Options{Sender: newSink(), Registerer: registry, Now: now})
	for _, c := range []call{
		{path: "/api/v1/events", body: []byte(`{"title":"deployed","text":"x"}`)},
		{path: "/intake/", body: []byte(`{"apiKey":"","events":{"api":[{"msg_title":"a"},{"msg_title":"b"}]},"internalHostname":"h"}`)},
		{path: "/intake/", body: []byte(`{"events":"no events","internalHostname":"h"}`)},
	} {
		if w := serve(h, c); w.Code != http.StatusAccepted {
			t.Errorf("%s: answered %d %s", c.path, w.Code, w.Body)
		}
	}
	want := "# HELP " + datadog.MetricDropped + " What Datadog agents sent and nobody keeps.\n# TYPE " + datadog.MetricDropped + " counter\n" +
		datadog.MetricDropped + `{reason="event",tenant="shop"} 3` + "\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), datadog.MetricDropped); err != nil {
		t.Error(err)
	}
}

func TestRoutesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, route := range datadog.Routes() {
		if key := route.Method + " " + route.Path; seen[key] || route.Name == "" || (route.Scope == "") != (route.Path == "/api/v1/validate") {
			t.Errorf("%+v", route)
		} else {
			seen[key] = true
		}
	}
}
