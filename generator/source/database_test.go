package source_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/opsgen/opsgen/generator/source"
)

// sumDatabase is a checksum database that records one sum for every module. It returns GOSUMDB's key.
func sumDatabase(t *testing.T, sum string) (http.Handler, string) {
	t.Helper()
	signer, verifier, err := note.GenerateKey(nil, "sums.example.com")
	if err != nil {
		t.Fatal(err)
	}
	ops := sumdb.NewTestServer(signer, func(path, version string) ([]byte, error) {
		line := path + " " + version
		return []byte(line + " " + sum + "\n" + line + "/go.mod " + sum + "\n"), nil
	})
	return sumdb.NewServer(ops), verifier
}

// offered puts a database behind a proxy, as the Go module proxy does.
func offered(database http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/sumdb/sums.example.com/supported", status(http.StatusOK))
	mux.Handle("/sumdb/sums.example.com/", http.StripPrefix("/sumdb/sums.example.com", database))
	return mux
}

func TestChecksumDatabaseThroughTheProxy(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	_, other := moduleZip(t, "x: 2")
	for name, test := range map[string]struct {
		recorded, pinned, want, hint string
	}{
		"all agree":                       {sum, sum, "", ""},
		"versions.yaml alone is wrong":    {sum, other, "versions.yaml", "correct it"},
		"versions.yaml and proxy collude": {other, sum, "the checksum database", "Do not go on"},
		"the proxy alone is wrong":        {other, other, "versions.yaml", "was altered"},
	} {
		t.Run(name, func(t *testing.T) {
			database, key := sumDatabase(t, test.recorded)
			p := newProxy(t, serve(data))
			p.database = offered(database)
			w := newWorld(t, p.URL)
			w.env["GOSUMDB"] = key
			_, err := w.fetch(t, moduleSource(test.pinned))
			if test.want == "" {
				if err != nil || w.last().Note != "" {
					t.Errorf("note %q, %v", w.last().Note, err)
				}
				return
			}
			var mismatch *source.MismatchError
			if !errors.As(err, &mismatch) || mismatch.Authority != test.want || !strings.Contains(mismatch.Hint, test.hint) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestChecksumDatabaseByItsOwnAddress(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	_, other := moduleZip(t, "x: 2")
	database, key := sumDatabase(t, other)
	server := httptest.NewServer(database)
	defer server.Close()
	w := newWorld(t, newProxy(t, serve(data)).URL)
	w.env["GOSUMDB"] = key + " " + server.URL
	var mismatch *source.MismatchError
	if _, err := w.fetch(t, moduleSource(sum)); !errors.As(err, &mismatch) {
		t.Errorf("the database was not asked: %v", err)
	}
}

func TestSilentDatabaseIsToldNotFatal(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	_, key := sumDatabase(t, sum)
	for name, database := range map[string]http.Handler{
		"broken":         status(http.StatusInternalServerError),
		"does not know":  offered(status(http.StatusNotFound)),
		"broken lookups": offered(status(http.StatusBadGateway)),
	} {
		p := newProxy(t, serve(data))
		p.database = database
		w := newWorld(t, p.URL)
		w.env["GOSUMDB"] = key
		if _, err := w.fetch(t, moduleSource(sum)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if note := w.events[len(w.events)-1].Note; !strings.Contains(note, "sums.example.com gave no answer") || !strings.Contains(note, "decided alone") {
			t.Errorf("%s: the user is told %q", name, note)
		}
	}
}

func TestLyingDatabaseIsFatal(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	_, key := sumDatabase(t, sum)
	forged, _ := sumDatabase(t, sum)
	p := newProxy(t, serve(data))
	p.database = offered(forged)
	w := newWorld(t, p.URL)
	w.env["GOSUMDB"] = key
	if _, err := w.fetch(t, moduleSource(sum)); err == nil || !strings.Contains(err.Error(), "checksum database") {
		t.Errorf("a database with the wrong key was believed: %v", err)
	}
}

// History that a database takes back must be noticed across runs.
func TestForkedDatabaseIsFatal(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	signer, key, err := note.GenerateKey(nil, "sums.example.com")
	if err != nil {
		t.Fatal(err)
	}
	serverOf := func(salt string) http.Handler {
		ops := sumdb.NewTestServer(signer, func(path, version string) ([]byte, error) {
			line := path + " " + version
			return []byte(line + " " + sum + "\n" + line + "/go.mod " + salt + "\n"), nil
		})
		return sumdb.NewServer(ops)
	}
	p := newProxy(t, serve(data))
	w := newWorld(t, p.URL)
	w.env["GOSUMDB"] = key
	p.database = offered(serverOf("h1:first"))
	if _, err := w.fetch(t, moduleSource(sum)); err != nil {
		t.Fatal(err)
	}
	p.database = offered(serverOf("h1:second"))
	other := moduleSource(sum)
	other.Version = "v1.2.4"
	renamed, otherSum := moduleZipAt(t, "v1.2.4")
	other.Sum = otherSum
	p.answers = []http.HandlerFunc{func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(renamed) }}
	p.asked = 0
	if _, err := w.fetch(t, other); err == nil || !strings.Contains(err.Error(), "misbehaves") {
		t.Errorf("got %v", err)
	}
}

func TestDatabaseIsNotAskedWhereTheUserSaysSo(t *testing.T) {
	data, sum := moduleZip(t, "x: 1")
	_, other := moduleZip(t, "x: 2")
	for _, setting := range [][2]string{
		{"GONOSUMDB", "example.com/Acme"}, {"GONOSUMDB", "example.com"}, {"GONOSUMCHECK", "1"}, {"GOSUMDB", "off"}, {"GOPRIVATE", "*.com/Acme"},
	} {
		database, key := sumDatabase(t, other)
		p := newProxy(t, serve(data))
		p.database = offered(database)
		w := newWorld(t, p.URL)
		w.env["GOSUMDB"] = key
		w.env["GONOPROXY"] = "none"
		w.env[setting[0]] = setting[1]
		if _, err := w.fetch(t, moduleSource(sum)); err != nil {
			t.Errorf("%v: %v", setting, err)
		}
	}
}
