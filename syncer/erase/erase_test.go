package erase

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/syncer/config"
	"github.com/opsgen/opsgen/syncer/frontdoor"
)

// components are Cortex and Loki as far as an erasure asks them: what they hold of each tenant, and what they were asked.
type components struct {
	rules, alerting map[string]bool
	blocks          map[string]bool
	series, streams map[string]int
	requests        map[string]string // status of the request to delete all logs
	exists          map[string]bool   // tenants that the proxy knows
	broken          string            // a path that fails
	asked           []string
	metricsAsked    map[string]int
}

func (c *components) Do(_ context.Context, tenant, method, path string, _ []byte) ([]byte, error) {
	id := strings.TrimPrefix(tenant, "=")
	path, _, _ = strings.Cut(path, "?")
	if id == tenant || c.exists[id] {
		return nil, &frontdoor.Error{Status: 403, Message: "this tenant is not removed; name it in X-Opsgen-Tenant"}
	}
	c.asked = append(c.asked, id+" "+method+" "+path)
	if c.broken != "" && strings.HasPrefix(path, c.broken) {
		return nil, &frontdoor.Error{Status: 503, Message: "not now"}
	}
	list := func(n int) ([]byte, error) {
		return json.Marshal(map[string]any{"status": "success", "data": slices.Repeat([]string{"x"}, n)})
	}
	switch method + " " + path {
	case "GET /api/v1/rules", "GET /loki/api/v1/rules":
		if c.rules[id+path] {
			return []byte("by hand: [{name: a, rules: []}]"), nil
		}
		return nil, &frontdoor.Error{Status: http.StatusNotFound, Message: "no rule groups found"}
	case "DELETE /api/v1/rules/by%20hand", "DELETE /loki/api/v1/rules/by%20hand":
		delete(c.rules, id+strings.TrimSuffix(path, "/by%20hand"))
		return nil, nil
	case "GET /api/v1/alerts":
		if c.alerting[id] {
			return []byte("x"), nil
		}
		return nil, &frontdoor.Error{Status: http.StatusNotFound, Message: "alertmanager storage object not found"}
	case "DELETE /api/v1/alerts":
		delete(c.alerting, id)
		return nil, nil
	case "POST /purger/delete_tenant":
		c.metricsAsked[id]++
		return nil, nil
	case "GET /purger/delete_tenant_status":
		return json.Marshal(map[string]any{"tenant_id": id, "blocks_deleted": !c.blocks[id]})
	case "GET /prometheus/api/v1/series":
		return list(c.series[id])
	case "POST /loki/api/v1/delete":
		c.requests[id] = "received"
		return nil, nil
	case "GET /loki/api/v1/delete":
		if c.requests[id] == "" {
			return []byte("[]"), nil
		}
		return json.Marshal([]map[string]string{{"query": "{}", "status": c.requests[id]}, {"query": `{app="x"}`, "status": "received"}})
	case "GET /loki/api/v1/series":
		return list(c.streams[id])
	}
	return nil, &frontdoor.Error{Status: http.StatusNotFound, Message: "there is nothing at " + path}
}

// bed is an eraser with a cluster in memory and a clock.
type bed struct {
	*components
	eraser *Eraser
	api    client.Client
	time   time.Time
}

func newBed(t *testing.T, ids ...string) *bed {
	t.Helper()
	b := &bed{api: fake.NewClientBuilder().Build(), time: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), components: &components{
		rules: map[string]bool{}, alerting: map[string]bool{}, blocks: map[string]bool{}, series: map[string]int{}, streams: map[string]int{},
		requests: map[string]string{}, exists: map[string]bool{}, metricsAsked: map[string]int{},
	}}
	for _, id := range []string{"pay", "pay-2", "payments"} {
		b.rules[id+"/api/v1/rules"], b.rules[id+"/loki/api/v1/rules"], b.alerting[id], b.blocks[id] = true, true, true, true
		b.series[id], b.streams[id] = 7, 3
	}
	var c config.Config
	c.SetDefaults()
	c.Erase.File = filepath.Join(t.TempDir(), "erase.yaml")
	b.list(t, c.Erase.File, ids...)
	var err error
	b.eraser, err = New(Options{
		Config: c, Records: client.ObjectKey{Namespace: "syncer", Name: "syncer-erasures"}, Door: b.components, API: b.api, Writer: b.api,
		Metrics: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.eraser.now = func() time.Time { return b.time }
	return b
}

func (b *bed) list(t *testing.T, file string, ids ...string) {
	t.Helper()
	text := "tenants: []\n"
	for i, id := range ids {
		if i == 0 {
			text = "tenants:\n"
		}
		text += fmt.Sprintf("- {id: %s, name: name-of-%s}\n", id, id)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run goes through the list, some time later.
func (b *bed) run(t *testing.T, later time.Duration) {
	t.Helper()
	b.time = b.time.Add(later)
	if err := b.eraser.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (b *bed) expect(t *testing.T, id string, state State, says string) {
	t.Helper()
	all, err := b.eraser.records.all(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r := all[id]; r.State != state || !strings.Contains(r.Message, says) || r.Tenant != "name-of-"+id {
		t.Fatalf("%s is %+v, want %s with %q", id, r, state, says)
	}
}

func TestAnErasureGoesToItsEndAndToNobodyElse(t *testing.T) {
	b := newBed(t, "pay")
	b.run(t, 0)
	b.expect(t, "pay", Waiting, "the deletion begins at 2026-11-21T12:15:00Z")
	b.run(t, 14*time.Minute)
	if len(b.asked) > 0 {
		t.Fatalf("before its time it asked %q", b.asked)
	}
	b.run(t, time.Minute)
	b.expect(t, "pay", Erasing, "left: rules and configurations, deleted now (3); blocks of metrics")
	b.expect(t, "pay", Erasing, "series in ingesters, which look for the mark once an hour (7); requests to delete logs")
	b.run(t, 5*time.Minute)
	b.blocks["pay"], b.series["pay"] = false, 0
	b.run(t, time.Hour)
	b.expect(t, "pay", Erasing, "left: requests to delete logs, which Loki carries out after 24 hours (1); streams of logs (3)")
	b.requests["pay"], b.streams["pay"] = "processed", 0
	b.run(t, 24*time.Hour)
	b.expect(t, "pay", Erased, "Cortex and Loki show nothing of it")
	if b.metricsAsked["pay"] != 1 {
		t.Errorf("Cortex was asked %d times; each mark begins its six hours again", b.metricsAsked["pay"])
	}
	for _, asked := range b.asked {
		if !strings.HasPrefix(asked, "pay ") {
			t.Errorf("it asked %q", asked)
		}
	}
	if !b.rules["payments/api/v1/rules"] || !b.alerting["pay-2"] {
		t.Error("another tenant's rules are gone")
	}
}

func TestWhatComesLateIsErasedToo(t *testing.T) {
	b := newBed(t, "pay")
	b.blocks["pay"], b.series["pay"] = false, 0
	b.run(t, 0)
	b.run(t, 15*time.Minute)
	// What an ingester wrote after the request was carried out.
	b.requests["pay"] = "processed"
	b.run(t, time.Hour)
	b.expect(t, "pay", Erasing, "streams of logs (3)")
	b.run(t, 5*time.Minute)
	b.run(t, 5*time.Minute)
	b.expect(t, "pay", Erasing, "requests to delete logs")
	b.requests["pay"], b.streams["pay"] = "processed", 0
	b.run(t, 5*time.Minute)
	b.expect(t, "pay", Erased, "")
	// An ingester that was away for days.
	b.series["pay"] = 9
	b.run(t, 50*time.Minute)
	b.expect(t, "pay", Erased, "")
	b.run(t, 10*time.Minute)
	b.expect(t, "pay", Erasing, "series in ingesters, which look for the mark once an hour (9)")
	b.run(t, 5*time.Minute)
	b.series["pay"] = 0
	b.run(t, 5*time.Minute)
	b.expect(t, "pay", Erased, "")
	if b.metricsAsked["pay"] != 2 {
		t.Errorf("Cortex was asked %d times", b.metricsAsked["pay"])
	}
}

func TestATenantThatExistsIsNotErased(t *testing.T) {
	b := newBed(t, "pay", "payments")
	b.exists["pay"] = true
	b.run(t, 0)
	b.run(t, 15*time.Minute)
	b.expect(t, "pay", Refused, "take the mark out of tenants/removed.yaml")
	b.expect(t, "payments", Erasing, "left")
}

func TestAnOutageIsNoEmptiness(t *testing.T) {
	for _, path := range []string{"/api/v1/rules", "/api/v1/alerts", "/purger", "/prometheus", "/loki/api/v1/rules", "/loki/api/v1/delete", "/loki/api/v1/series"} {
		t.Run(path, func(t *testing.T) {
			b := newBed(t, "pay")
			clear(b.blocks)
			clear(b.series)
			clear(b.streams)
			b.broken = path
			b.run(t, 0)
			b.time = b.time.Add(time.Hour)
			if err := b.eraser.Run(t.Context()); err == nil {
				t.Error("there is no error")
			}
			b.expect(t, "pay", Erasing, "tried again: ")
			b.broken = ""
			b.run(t, 5*time.Minute)
			b.requests["pay"] = "processed"
			b.run(t, 5*time.Minute)
			b.expect(t, "pay", Erased, "")
		})
	}
}

func TestAMarkThatIsTakenBackBeginsAnewNextTime(t *testing.T) {
	b := newBed(t, "pay")
	b.run(t, 0)
	b.list(t, b.eraser.Config.Erase.File)
	b.run(t, time.Hour)
	b.list(t, b.eraser.Config.Erase.File, "pay")
	b.run(t, time.Hour)
	b.expect(t, "pay", Waiting, "")
	if len(b.asked) > 0 {
		t.Errorf("it asked %q", b.asked)
	}
}

func TestHalfAListErasesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML": "tenants: [", "an unknown field": "tenants: []\nmore: 1", "two tenants in one": "tenants: [{id: a|b, name: a}]",
		"no ID": "tenants: [{name: a}]", "everybody": "tenants: [{id: '', name: a}]", "a path": "tenants: [{id: ../a, name: a}]",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, "pay")
			b.run(t, 0)
			if err := os.WriteFile(b.eraser.Config.Erase.File, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			b.time = b.time.Add(time.Hour)
			if err := b.eraser.Run(t.Context()); err == nil || len(b.asked) > 0 {
				t.Errorf("error %v, asked %q", err, b.asked)
			}
			b.expect(t, "pay", Waiting, "")
		})
	}
}

func TestRecordsThatCannotBeReadStopEverything(t *testing.T) {
	b := newBed(t, "pay")
	b.run(t, 0)
	var found core.ConfigMap
	if err := b.api.Get(t.Context(), b.eraser.Records, &found); err != nil {
		t.Fatal(err)
	}
	found.Data["pay"] = "{"
	if err := b.api.Update(t.Context(), &found); err != nil {
		t.Fatal(err)
	}
	if err := b.eraser.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "delete that entry") {
		t.Errorf("the error is %v", err)
	}
}

// TestTheListIsWhatItsBaseWrites renders the list as a cluster gets it.
func TestTheListIsWhatItsBaseWrites(t *testing.T) {
	text, err := jsonnet.New("../..", nil).Evaluate("bases/syncer/tenants.jsonnet", map[string]string{
		"cluster": "{}", "bundle": "{}", "tenants": "[]",
		"removed": `[{name: "pay", id: "pay-k7x2q", clusters: ["*"], erase: true}, {name: "payments", id: "payments-a", clusters: ["*"]}]`,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var objects []struct{ Data map[string]string }
	if err := json.Unmarshal(text, &objects); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "erase.yaml")
	if err := os.WriteFile(file, []byte(objects[0].Data["erase.yaml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := Read(file)
	if err != nil || !slices.Equal(list, []Entry{{ID: "pay-k7x2q", Name: "pay"}}) {
		t.Errorf("the list is %+v, %v", list, err)
	}
	if list, err := Read(file + ".none"); err != nil || len(list) > 0 {
		t.Errorf("without a file: %+v, %v", list, err)
	}
}

func TestTheDefaultsOfPatience(t *testing.T) {
	var c config.Config
	c.SetDefaults()
	if c.Erase.Settle != quantity.Duration(15*time.Minute) {
		t.Errorf("a mark can be taken back for %s; `opsgen tenant remove --erase` says 15 minutes", c.Erase.Settle)
	}
}
