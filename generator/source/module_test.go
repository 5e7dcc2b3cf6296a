package source_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/source"
)

func TestModuleIsFetchedOnce(t *testing.T) {
	data, sum := moduleZip(t, "replicas: 1")
	p := newProxy(t, serve(data))
	w := newWorld(t, p.URL)
	for range 3 {
		if text, err := w.fetch(t, moduleSource(sum)); err != nil || text != "replicas: 1" {
			t.Fatalf("got %q, %v", text, err)
		}
	}
	if p.count() != 1 {
		t.Errorf("the proxy was asked %d times", p.count())
	}
	if got := w.states(); got != "fetching verified cached" {
		t.Errorf("progress: %s", got)
	}
	if left := leftovers(t, w.cache); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// Which proxy is asked after which failure is the go command's rule; companies rely on it.
func TestProxyFallBack(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	for name, test := range map[string]struct {
		first http.HandlerFunc
		// list is GOPROXY with A and B for the proxies' addresses.
		list string
		want string // part of the error; empty for success
	}{
		"not found goes on at a comma":       {status(http.StatusNotFound), "A,B", ""},
		"gone goes on at a comma":            {status(http.StatusGone), "A,B", ""},
		"a fault stops at a comma":           {status(http.StatusInternalServerError), "A,B", "500"},
		"forbidden stops at a comma":         {status(http.StatusForbidden), "A,B", "403"},
		"a fault goes on at a bar":           {status(http.StatusInternalServerError), "A|B", ""},
		"off ends the list":                  {status(http.StatusNotFound), "A,off,B", "GOPROXY says off"},
		"direct is not done":                 {status(http.StatusNotFound), "A,direct", "reads modules through proxies only"},
		"direct does not hide the first":     {status(http.StatusNotFound), "A,direct", "404"},
		"off alone":                          {serve(data), "off", "GOPROXY says off"},
		"empty entries are passed over":      {status(http.StatusNotFound), ",A,,B,", ""},
		"a strange scheme":                   {serve(data), "ftp://x", `scheme "ftp"`},
		"nothing but commas":                 {serve(data), ",", "names no proxy"},
		"the last one's not found is told":   {status(http.StatusNotFound), "A", "404 Not Found"},
		"a missing folder goes on":           {serve(data), "file:///nowhere/at/all,B", ""},
		"a missing folder alone is an error": {serve(data), "file:///nowhere/at/all", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := newProxy(t, test.first), newProxy(t, serve(data))
			w := newWorld(t, strings.NewReplacer("A", a.URL, "B", b.URL).Replace(test.list))
			_, err := w.fetch(t, moduleSource(sum))
			if test.want == "" {
				if err != nil || b.count() != 1 {
					t.Fatalf("the second proxy was asked %d times: %v", b.count(), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "acme") {
				t.Fatalf("got %v, want %q and the source's name", err, test.want)
			}
			if w.last().State != source.Failed && !strings.Contains(test.list, "://x") {
				t.Errorf("the failure was not reported: %v", w.states())
			}
		})
	}
}

func TestPassingFaultsAreRetried(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	busy := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	p := newProxy(t, status(http.StatusBadGateway), truncate(data), busy, serve(data))
	w := newWorld(t, p.URL)
	if _, err := w.fetch(t, moduleSource(sum)); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{500 * time.Millisecond, time.Second, 7 * time.Second}; len(w.pause) != 3 || w.pause[0] != want[0] || w.pause[1] != want[1] || w.pause[2] != want[2] {
		t.Errorf("waited %v, want %v", w.pause, want)
	}
}

func TestRetriesEnd(t *testing.T) {
	_, sum := moduleZip(t, "x: 1")
	p := newProxy(t, truncate(make([]byte, 100)))
	w := newWorld(t, p.URL)
	if _, err := w.fetch(t, moduleSource(sum)); err == nil || p.count() != 4 {
		t.Errorf("asked %d times: %v", p.count(), err)
	}
	if left := leftovers(t, w.cache); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestStalledTransferIsGivenUp(t *testing.T) {
	_, sum := moduleZip(t, "x: 1")
	p := newProxy(t, hang)
	o := newWorld(t, p.URL).options()
	o.Stall = 20 * time.Millisecond
	_, err := fetchWith(t, o, moduleSource(sum), "go.mod")
	if err == nil || !strings.Contains(err.Error(), "stood still") {
		t.Errorf("got %v", err)
	}
}

func TestInterruptStopsAtOnce(t *testing.T) {
	_, sum := moduleZip(t, "x: 1")
	ctx, cancel := context.WithCancel(t.Context())
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hang(w, r)
	})
	_, err := source.NewStore(newWorld(t, p.URL).options()).Fetch(ctx, "acme", moduleSource(sum))
	if !errors.Is(err, context.Canceled) || p.count() != 1 {
		t.Errorf("asked %d times: %v", p.count(), err)
	}
}

func TestWrongSumIsAHardError(t *testing.T) {
	data, sum := moduleZip(t, "x: evil")
	_, pinned := moduleZip(t, "x: good")
	w := newWorld(t, newProxy(t, serve(data)).URL)
	_, err := w.fetch(t, moduleSource(pinned))
	var mismatch *source.MismatchError
	if !errors.As(err, &mismatch) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{"acme", modulePath + " " + moduleVersion, sum, pinned, "versions.yaml", "127.0.0.1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message lacks %q:\n%v", part, err)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(w.cache, "*.zip")); kept != nil {
		t.Errorf("the altered package was kept: %v", kept)
	}
}

func TestPasswordsAreNeverShown(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	_, other := moduleZip(t, "x: 2")
	closed := httptest.NewServer(nil)
	closed.Close()
	for name, answer := range map[string]http.HandlerFunc{
		"fault": status(http.StatusForbidden), "wrong sum": serve(data), "not found": status(http.StatusNotFound),
		"insecure redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "gopher://hunter2@example.com/?token=hunter2", http.StatusFound)
		},
	} {
		p := newProxy(t, answer)
		for _, address := range []string{p.URL, closed.URL} {
			parsed, _ := url.Parse(address)
			parsed.User = url.UserPassword("tokenuser", "hunter2")
			w := newWorld(t, parsed.String())
			_, err := w.fetch(t, moduleSource(other))
			if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "tokenuser") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	asked := ""
	p := newProxy(t, func(w http.ResponseWriter, r *http.Request) {
		_, asked, _ = r.BasicAuth()
		serve(data)(w, r)
	})
	if _, err := newWorld(t, strings.Replace(p.URL, "http://", "http://u:hunter2@", 1)).fetch(t, moduleSource(sum)); err != nil || asked != "hunter2" {
		t.Errorf("the proxy got the password %q: %v", asked, err)
	}
	for _, broken := range []string{"http://u:hunter2@[::1", "http://hunter2@ x"} {
		if _, err := newWorld(t, broken).fetch(t, moduleSource(sum)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}

func TestRedirects(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	plain := newProxy(t, serve(data))
	follow := newProxy(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.Path, http.StatusFound)
	})
	if _, err := newWorld(t, follow.URL).fetch(t, moduleSource(sum)); err != nil {
		t.Errorf("a redirect was not followed: %v", err)
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, plain.URL+r.URL.Path+"?token=hunter2", http.StatusFound)
	}))
	defer secure.Close()
	o := newWorld(t, secure.URL).options()
	o.Client = secure.Client()
	_, err := fetchWith(t, o, moduleSource(sum), "go.mod")
	if err == nil || !strings.Contains(err.Error(), "redirected from TLS") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestPrivateModulesNeedAProxy(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	w := newWorld(t, newProxy(t, serve(data)).URL)
	w.env["GOPRIVATE"] = "example.com/Acme"
	if _, err := w.fetch(t, moduleSource(sum)); err == nil || !strings.Contains(err.Error(), "GOPRIVATE") {
		t.Errorf("got %v", err)
	}
	w.env["GONOPROXY"] = "none"
	if _, err := w.fetch(t, moduleSource(sum)); err != nil {
		t.Errorf("GONOPROXY=none does not permit the proxy: %v", err)
	}
}

func TestFileProxy(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	dir := t.TempDir()
	file := filepath.Join(dir, filepath.FromSlash(zipPath))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := newWorld(t, "file://"+filepath.ToSlash(dir)).fetch(t, moduleSource(sum)); err != nil || text != "x: 1" {
		t.Errorf("got %q, %v", text, err)
	}
}

func TestDangerousZipsAreRefused(t *testing.T) {
	const prefix = modulePath + "@" + moduleVersion + "/"
	for name, files := range map[string][]string{
		"leaves the folder":  {prefix + "go.mod", prefix + "../../../etc/passwd"},
		"another module":     {"example.com/other@v1.0.0/go.mod"},
		"absolute":           {"/etc/passwd"},
		"differs by case":    {prefix + "a.yaml", prefix + "A.yaml"},
		"same file twice":    {prefix + "a.yaml", prefix + "a.yaml"},
		"Windows' own names": {prefix + "con.yaml/x", prefix + `a\b`},
	} {
		t.Run(name, func(t *testing.T) {
			var buffer bytes.Buffer
			writer := zip.NewWriter(&buffer)
			for _, file := range files {
				if _, err := writer.Create(file); err != nil {
					t.Fatal(err)
				}
			}
			if err := writer.Close(); err != nil {
				t.Fatal(err)
			}
			// Even a right sum does not make such a zip usable.
			sum := sumOf(t, buffer.Bytes())
			_, err := newWorld(t, newProxy(t, serve(buffer.Bytes())).URL).fetch(t, moduleSource(sum))
			if err == nil || !strings.Contains(err.Error(), "not a sound module zip") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestDownloadsAreBounded(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	unsized := func(w http.ResponseWriter, _ *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = w.Write(data)
	}
	for name, answer := range map[string]http.HandlerFunc{"declared": serve(data), "not declared": unsized} {
		p := newProxy(t, answer)
		o := newWorld(t, p.URL).options()
		o.MaxBytes = 50
		if _, err := fetchWith(t, o, moduleSource(sum), "go.mod"); err == nil || !strings.Contains(err.Error(), "more than 50 bytes") || p.count() != 1 {
			t.Errorf("%s: asked %d times: %v", name, p.count(), err)
		}
	}
}
