package existing

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/cluster"
)

// store is an S3-compatible storage in memory, as far as bootstrap uses one.
type store struct {
	// noTags is a store that does not know tags.
	noTags bool

	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	tags    map[string]string
	objects []string
	foreign bool
}

type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []struct {
		Key   string
		Value string
	} `xml:"TagSet>Tag"`
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, code)
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.Trim(r.URL.Path, "/")
	b, query := s.buckets[name], r.URL.Query()
	switch {
	case b != nil && b.foreign && r.Method == http.MethodPut:
		refuse(w, http.StatusConflict, "BucketAlreadyExists")
	case b != nil && b.foreign:
		refuse(w, http.StatusForbidden, "AccessDenied")
	case b == nil && (r.Method != http.MethodPut || query.Has("tagging")):
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case query.Has("tagging") && s.noTags:
		refuse(w, http.StatusNotImplemented, "NotImplemented")
	case query.Has("tagging"):
		s.tagging(w, r, b)
	case r.Method == http.MethodPut && b != nil:
		refuse(w, http.StatusConflict, "BucketAlreadyOwnedByYou")
	case r.Method == http.MethodPut:
		s.buckets[name] = &bucket{}
	case query.Has("list-type"):
		fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated>")
		for _, object := range b.objects {
			fmt.Fprintf(w, "<Contents><Key>%s</Key></Contents>", object)
		}
		fmt.Fprint(w, "</ListBucketResult>")
	case query.Has("delete"):
		b.objects = nil
		fmt.Fprint(w, "<DeleteResult></DeleteResult>")
	case r.Method == http.MethodDelete && len(b.objects) > 0:
		refuse(w, http.StatusConflict, "BucketNotEmpty")
	case r.Method == http.MethodDelete:
		delete(s.buckets, name)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *store) tagging(w http.ResponseWriter, r *http.Request, b *bucket) {
	if r.Method == http.MethodGet && b.tags == nil {
		refuse(w, http.StatusNotFound, "NoSuchTagSet")
		return
	}
	var t tagging
	if r.Method == http.MethodGet {
		for key, value := range b.tags {
			t.Tags = append(t.Tags, struct{ Key, Value string }{key, value})
		}
		text, err := xml.Marshal(t)
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			refuse(w, http.StatusInternalServerError, err.Error())
		}
		return
	}
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = xml.Unmarshal(text, &t)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	b.tags = map[string]string{}
	for _, tag := range t.Tags {
		b.tags[tag.Key] = tag.Value
	}
}

func (s *store) snapshot() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	for name, b := range s.buckets {
		lines = append(lines, fmt.Sprintf("%s %v %v", name, b.tags, b.objects))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func target(transport http.RoundTripper) provider.Target {
	c := &cluster.Cluster{Name: "lab"}
	c.Provider.Name = cluster.Existing
	c.Provider.Storage = cluster.Storage{Metrics: "lab-metrics", Logs: "lab-logs", Rules: "lab-rules", Endpoint: "s3.example.com", Secret: "keys"}
	return provider.Target{Cluster: c, Keys: provider.StorageKeys{Access: "a", Secret: "s"}, Transport: transport}
}

func buckets(transport http.RoundTripper) (*engine.Graph, engine.Options) {
	g := engine.NewGraph("lab", "1.0.0")
	newStorage(target(transport)).resources(g)
	e := &existing{}
	return g, engine.Options{Classify: e.Classify}
}

func makeBuckets(ctx context.Context, transport http.RoundTripper) error {
	g, o := buckets(transport)
	_, err := g.Up(ctx, o)
	return err
}

func removeBuckets(ctx context.Context, transport http.RoundTripper) error {
	g, o := buckets(transport)
	o.DeleteData = true
	_, err := g.Down(ctx, o)
	return err
}

func TestBucketsAreMadeAndRemovedWhateverCallIsKilled(t *testing.T) {
	empty := func() killtest.Cloud {
		s := &store{buckets: map[string]*bucket{"others": {}}}
		return killtest.Cloud{Handler: s, Snapshot: s.snapshot}
	}
	killtest.Test{New: empty, Run: removeBuckets, Before: makeBuckets}.EveryCall(t)
	// A bucket that was made and not tagged belongs to whom the keys belong: it is used, and never deleted.
	untagged := func() killtest.Cloud {
		s := &store{noTags: true, buckets: map[string]*bucket{}}
		return killtest.Cloud{Handler: s, Snapshot: s.snapshot}
	}
	killtest.Test{New: untagged, Run: makeBuckets}.EveryCall(t)
}

func TestBucketsThatWereThereAreUsedAndNeverDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{buckets: map[string]*bucket{"lab-metrics": {objects: []string{"block"}}, "lab-logs": {tags: map[string]string{"team": "x"}}}}
		if err := makeBuckets(t.Context(), killtest.Direct(s)); err != nil {
			t.Fatal(err)
		}
		if err := removeBuckets(t.Context(), killtest.Direct(s)); err != nil {
			t.Fatal(err)
		}
		if got := s.snapshot(); got != "lab-logs map[team:x] []\nlab-metrics map[] [block]" {
			t.Errorf("left:\n%s", got)
		}
	})
}

func TestSomebodyElsesBucketIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{buckets: map[string]*bucket{"lab-metrics": {foreign: true}}}
		began := time.Now()
		err := makeBuckets(t.Context(), killtest.Direct(s))
		var failures engine.Failures
		if !errors.As(err, &failures) || len(failures) != 1 || !strings.Contains(err.Error(), "OPSGEN_S3_ACCESS_KEY") {
			t.Errorf("got %v", err)
		}
		if waited := time.Since(began); waited > 30*time.Second {
			t.Errorf("waited %s", waited)
		}
	})
}
