package ruler_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/opsgen/opsgen/syncer/backendtest"
	"github.com/opsgen/opsgen/syncer/frontdoor"
	"github.com/opsgen/opsgen/syncer/ruler"
)

const path = "/api/v1/rules"

// bed is a ruler's API against the fake.
type bed struct {
	*backendtest.Backend
	api    *ruler.API
	memory ruler.Memory
}

func newBed(t *testing.T) *bed {
	t.Helper()
	backend := backendtest.New(t)
	door, err := frontdoor.New(backend.Proxy(), 10000, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return &bed{Backend: backend, api: &ruler.API{Door: door, Path: path}, memory: ruler.Memory{}}
}

// wanted parses rule files by namespace.
func wanted(t *testing.T, files map[string]string) ruler.Wanted {
	t.Helper()
	w := ruler.Wanted{Prefix: "git/", Namespaces: map[string][]ruler.Group{}}
	for namespace, text := range files {
		groups, err := ruler.File(ruler.Metrics, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		w.Namespaces[namespace] = groups
	}
	return w
}

func (b *bed) sync(t *testing.T, w ruler.Wanted) ruler.Outcome {
	t.Helper()
	out, err := b.api.Sync(t.Context(), "payments", w, b.memory)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *bed) held() []string { return slices.Sorted(maps.Keys(b.Held(path, "payments"))) }

const full = `
groups:
  - name: shop
    interval: 90s
    query_offset: 0s
    limit: 10
    labels: {team: shop, empty: ""}
    rules:
      - alert: Slow
        expr: |
          histogram_quantile(0.9, sum by (le) (rate(x[5m]))) > 1
        for: 1h30m
        keep_firing_for: 1d
        labels: {severity: page}
        annotations: {summary: "{{ $value }} is slow"}
      - record: a:b:c
        expr: "1"
`

const small = "groups: [{name: one, rules: [{record: a, expr: '1'}]}]"

func TestAFileArrivesOnceAndIsThenLeftAlone(t *testing.T) {
	b := newBed(t)
	w := wanted(t, map[string]string{"git/shop": full, "git/small": small})
	b.sync(t, w)
	if want := []string{"POST /api/v1/rules/git%2Fshop", "POST /api/v1/rules/git%2Fsmall"}; !slices.Equal(b.Requests("POST"), want) {
		t.Error("the files were not written once each")
	}
	got := fmt.Sprint(b.Held(path, "payments")["git/shop/shop"])
	for _, want := range []string{"for:1h30m", "keep_firing_for:1d", "interval:1m30s", "query_offset:0s", "limit:10"} {
		if !strings.Contains(got, want) {
			t.Errorf("the group arrived without %s: %s", want, got)
		}
	}
	if out := b.sync(t, w); len(out.Changes) != 0 {
		t.Errorf("what was there already was written again: %+v", out.Changes)
	}
	if got := b.Requests(""); !slices.Equal(got, []string{"GET /api/v1/rules"}) {
		t.Errorf("a comparison without a difference sent %q", got)
	}
}

func TestWhatSomebodyChangedComesBack(t *testing.T) {
	for name, change := range map[string]func(*bed){
		"a deleted group":       func(b *bed) { delete(b.Rules[path]["payments"]["git/shop"], "shop") },
		"a deleted namespace":   func(b *bed) { delete(b.Rules[path]["payments"], "git/shop") },
		"everything deleted":    func(b *bed) { clear(b.Rules) },
		"another interval":      func(b *bed) { b.Rules[path]["payments"]["git/shop"]["shop"]["interval"] = "1m" },
		"an added group":        func(b *bed) { b.Rules[path]["payments"]["git/shop"]["more"] = backendtest.Group{"name": "more"} },
		"an added namespace":    func(b *bed) { b.Rules[path]["payments"]["git/x"] = map[string]backendtest.Group{"g": {"name": "g"}} },
		"a label without value": func(b *bed) { b.Rules[path]["payments"]["git/shop"]["shop"]["labels"] = map[string]any{"team": ""} },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			w := wanted(t, map[string]string{"git/shop": full, "git/small": small})
			b.sync(t, w)
			b.Lock()
			change(b)
			b.Unlock()
			out := b.sync(t, w)
			if want := []string{"git/shop/shop", "git/small/one"}; !slices.Equal(b.held(), want) {
				t.Errorf("the ruler holds %q, want %q", b.held(), want)
			}
			for _, c := range out.Changes {
				if !c.Foreign {
					t.Errorf("%+v is not told as somebody's change", c)
				}
			}
			if len(out.Changes) == 0 || len(b.sync(t, w).Changes) != 0 {
				t.Errorf("%d changes, and not settled after them", len(out.Changes))
			}
		})
	}
}

func TestOtherNamespacesAreLeftAlone(t *testing.T) {
	b := newBed(t)
	for _, namespace := range []string{"grafana", "gi", "git", "GIT/x", "other/git/x"} {
		b.Put(path, "payments", namespace, backendtest.Group{"name": "mine"})
	}
	b.Put(path, "search", "git/x", backendtest.Group{"name": "of another tenant"})
	b.sync(t, wanted(t, map[string]string{"git/small": small}))
	b.sync(t, wanted(t, nil))
	if got := b.held(); len(got) != 5 {
		t.Errorf("of 5 foreign groups are left %q", got)
	}
	if len(b.Held(path, "search")) != 1 {
		t.Error("another tenant's rules were removed")
	}
}

func TestARenameWritesBeforeItRemoves(t *testing.T) {
	b := newBed(t)
	b.sync(t, wanted(t, map[string]string{"git/old": small}))
	b.Requests("")
	out := b.sync(t, wanted(t, map[string]string{"git/new": small}))
	want := []string{"GET /api/v1/rules", "POST /api/v1/rules/git%2Fnew", "DELETE /api/v1/rules/git%2Fold"}
	if diff := cmp.Diff(want, b.Requests("")); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if out.Changes[1].Foreign {
		t.Error("a rename in Git is told as somebody's change")
	}
}

func TestNothingIsRemovedByAnOutage(t *testing.T) {
	answer := func(status int, header, body string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			if header != "" {
				w.Header().Set("Retry-After", header)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
			return true
		}
	}
	onlyPosts := func(fail func(http.ResponseWriter, *http.Request) bool) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool { return r.Method == http.MethodPost && fail(w, r) }
	}
	for name, test := range map[string]struct {
		fail  func(http.ResponseWriter, *http.Request) bool
		says  string
		after string
	}{
		"a list that fails":              {answer(500, "", "bucket"), "500", ""},
		"a storage that does not answer": {answer(400, "", "failed to list"), "400", ""},
		"a proxy without the route":      {answer(404, "", `{"error":"not found"}`), "404", ""},
		"an ingress' 404":                {answer(404, "", "default backend - 404"), "404", ""},
		"no rights":                      {answer(403, "", "no"), "403", ""},
		"too many requests":              {answer(429, "7", "slow down"), "429", "7s"},
		"a very long wait":               {answer(503, "999999", "away"), "503", "10m0s"},
		"an empty list":                  {answer(200, "", ""), "empty", ""},
		"accepted instead of a list":     {answer(202, "", ""), "empty", ""},
		"a page instead of a list":       {answer(200, "", "<html>login</html>"), "no list of rules", ""},
		"a list of something else":       {answer(200, "", "[1, 2]"), "no list of rules", ""},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "/login", http.StatusFound)
			return true
		}, "302", ""},
		"a connection that is cut": {func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }, "did not answer", ""},
		"half a list":              {halfAList, "did not answer", ""},
		"a list without an end":    {endless, "more than", ""},
		"a write that fails":       {onlyPosts(answer(500, "", "bucket")), "500", ""},
		"a write that is limited":  {onlyPosts(answer(429, "3", "slow down")), "429", "3s"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.sync(t, wanted(t, map[string]string{"git/old": small}))
			b.Lock()
			b.Fail = test.fail
			b.Unlock()
			_, err := b.api.Sync(t.Context(), "payments", wanted(t, map[string]string{"git/new": small}), b.memory)
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("the error is %v, want %q", err, test.says)
			}
			if after := frontdoor.As(err).RetryAfter; test.after != "" && fmt.Sprint(after) != test.after {
				t.Errorf("to be tried after %s, want %s", after, test.after)
			}
			if got := b.held(); !slices.Equal(got, []string{"git/old/one"}) {
				t.Errorf("the ruler holds %q", got)
			}
		})
	}
}

func halfAList(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, "git/old: []\n")
	return true
}

func endless(w http.ResponseWriter, _ *http.Request) bool {
	for range 33 << 4 {
		_, _ = io.WriteString(w, strings.Repeat("#", 1<<16))
	}
	return true
}

func TestWhatCannotBeReadRemovesNothing(t *testing.T) {
	b := newBed(t)
	b.sync(t, wanted(t, map[string]string{"git/old": small}))
	w := wanted(t, map[string]string{"git/new": small})
	w.Partly = true
	b.sync(t, w)
	if want := []string{"git/new/one", "git/old/one"}; !slices.Equal(b.held(), want) {
		t.Errorf("the ruler holds %q, want %q", b.held(), want)
	}
}

func TestARefusedGroupDoesNotStopTheOthers(t *testing.T) {
	b := newBed(t)
	b.sync(t, wanted(t, map[string]string{"git/old": small}))
	b.Lock()
	b.Refuse["histogram_quantile"] = "per-user rule groups limit exceeded"
	b.Unlock()
	out := b.sync(t, wanted(t, map[string]string{"git/a": full, "git/b": small}))
	want := []ruler.Refusal{{Namespace: "git/a", Group: "shop", Message: "per-user rule groups limit exceeded"}}
	if diff := cmp.Diff(want, out.Refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if got := b.held(); !slices.Equal(got, []string{"git/b/one"}) || !out.Again {
		t.Errorf("the ruler holds %q; again %t: what was removed may have been in the way", got, out.Again)
	}
}

func TestFiles(t *testing.T) {
	for name, test := range map[string]struct {
		kind ruler.Kind
		text string
		says string
	}{
		"no groups":                 {ruler.Metrics, "groups: []", ""},
		"nothing at all":            {ruler.Metrics, "", ""},
		"a misspelt for":            {ruler.Metrics, "groups: [{name: a, rules: [{alert: b, expr: c, fro: 5m}]}]", "line 1: field fro not found"},
		"no YAML":                   {ruler.Metrics, "groups: [", "did not find expected node content"},
		"two documents":             {ruler.Metrics, small + "\n---\n" + small, "more than one document"},
		"a duration without a unit": {ruler.Metrics, "groups: [{name: a, interval: 5, rules: []}]", "duration"},
		"no name":                   {ruler.Metrics, "groups: [{rules: []}]", "group 1: it has no name"},
		"a name twice":              {ruler.Metrics, "groups: [{name: a, rules: []}, {name: a, rules: []}]", `group "a" is there twice`},
		"a name that leads upwards": {ruler.Metrics, "groups: [{name: ../a, rules: []}]", "could not be deleted again"},
		"a name with an escape":     {ruler.Metrics, "groups: [{name: 'a%2e', rules: []}]", "could not be deleted again"},
		"a very long name":          {ruler.Metrics, "groups: [{name: " + strings.Repeat("a", 301) + ", rules: []}]", "301 bytes"},
		"unicode":                   {ruler.Metrics, "groups: [{name: 'größe 价格', rules: []}]", ""},
		"Loki's rules":              {ruler.Logs, `groups: [{name: a, interval: 1m, limit: 2, rules: [{alert: b, expr: 'rate({a="b"}[1m]) > 1', for: 5m}]}]`, ""},
		"what Loki drops":           {ruler.Logs, "groups: [{name: a, rules: [{alert: b, expr: c, keep_firing_for: 5m}]}]", "does not know keep_firing_for"},
		"a slash in Loki":           {ruler.Logs, "groups: [{name: a/b, rules: []}]", "Loki could not delete it"},
		"a slash in Cortex":         {ruler.Metrics, "groups: [{name: a/b, rules: []}]", ""},
		"an offset for Loki":        {ruler.Logs, "groups: [{name: a, query_offset: 1m, rules: []}]", "neither query_offset nor labels"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ruler.File(test.kind, []byte(test.text))
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v, want %q", err, test.says)
			}
		})
	}
}
