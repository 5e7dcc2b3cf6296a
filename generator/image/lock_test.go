package image_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/image"
)

// serve runs a registry in this process; fault may answer instead of it, and then returns true.
func serve(t *testing.T, fault func(http.ResponseWriter, *http.Request) bool) string {
	t.Helper()
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault == nil || !fault(w, r) {
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// push stores an image for two platforms, and returns the digest of its index.
func push(t *testing.T, host, repository string) string {
	t.Helper()
	index, err := random.Index(10, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(tag, index); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func bundleOf(host string, names ...string) *bundle.Bundle {
	b := &bundle.Bundle{Images: map[string]bundle.Image{}}
	for _, imageName := range names {
		b.Images[imageName] = bundle.Image{Repository: host + "/org/" + imageName, Tag: "v1"}
	}
	return b
}

func noWait(context.Context, time.Duration) error { return nil }

func TestLockResolvesTheIndex(t *testing.T) {
	host := serve(t, nil)
	want := map[string]string{}
	for _, imageName := range []string{"a", "b", "c"} {
		want[imageName] = push(t, host, "org/"+imageName+":v1")
	}
	b := bundleOf(host, "c", "a", "b")
	b.Images["b"] = bundle.Image{Repository: host + "/org/b", Tag: "v1", Digest: "sha256:" + strings.Repeat("0", 64)}
	b.Images["c"] = bundle.Image{Repository: host + "/org/c", Tag: "v1", Digest: want["c"]}
	var told atomic.Int64
	resolutions, err := image.Lock(t.Context(), b, image.Options{Progress: func(image.Resolution) { told.Add(1) }})
	if err != nil || len(resolutions) != 3 || told.Load() != 3 {
		t.Fatalf("%d resolutions, %d told: %v", len(resolutions), told.Load(), err)
	}
	for i, imageName := range []string{"a", "b", "c"} {
		r := resolutions[i]
		if r.Name != imageName || r.Digest != want[imageName] || r.Moved() != (imageName == "b") {
			t.Errorf("got %+v (moved %v), want digest %s", r, r.Moved(), want[imageName])
		}
	}
}

func TestLockChosenImages(t *testing.T) {
	host := serve(t, nil)
	push(t, host, "org/a:v1")
	b := bundleOf(host, "a", "missing")
	resolutions, err := image.Lock(t.Context(), b, image.Options{Names: []string{"a", "a"}})
	if err != nil || len(resolutions) != 1 {
		t.Errorf("%v, %v", resolutions, err)
	}
	if _, err := image.Lock(t.Context(), b, image.Options{Names: []string{"x"}}); err == nil || !strings.Contains(err.Error(), `no image "x"; it has a, missing`) {
		t.Errorf("got %v", err)
	}
}

// One image that cannot be resolved is told; the others are still locked, and no digest is made up.
func TestUnresolvedIsTold(t *testing.T) {
	host := serve(t, nil)
	want := push(t, host, "org/a:v1")
	resolutions, err := image.Lock(t.Context(), bundleOf(host, "a", "missing"), image.Options{Wait: noWait})
	if err == nil || !strings.Contains(err.Error(), "1 of 2 images") || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "not in the registry") {
		t.Errorf("got %v", err)
	}
	if resolutions[0].Digest != want || resolutions[1].Digest != "" || resolutions[1].Err == nil {
		t.Errorf("got %+v", resolutions)
	}
}

func TestRegistryFaults(t *testing.T) {
	answer := func(code int) func(int64, http.ResponseWriter, *http.Request) bool {
		return func(_ int64, w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(code)
			return true
		}
	}
	for faultName, test := range map[string]struct {
		// fault answers the n-th request for the manifest, counted from 1.
		fault func(n int64, w http.ResponseWriter, r *http.Request) bool
		asked int64
		want  string
	}{
		"limited, then well": {func(n int64, w http.ResponseWriter, r *http.Request) bool {
			return n < 3 && answer(http.StatusTooManyRequests)(n, w, r)
		}, 3, ""},
		"broken, then well": {func(n int64, w http.ResponseWriter, r *http.Request) bool {
			return n < 2 && answer(http.StatusInternalServerError)(n, w, r)
		}, 2, ""},
		"no HEAD": {func(n int64, w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodHead && answer(http.StatusMethodNotAllowed)(n, w, r)
		}, 2, ""},
		"HEAD without a digest": {func(n int64, w http.ResponseWriter, r *http.Request) bool {
			return r.Method == http.MethodHead && answer(http.StatusOK)(n, w, r)
		}, 2, ""},
		"limited for long": {answer(http.StatusTooManyRequests), 4, "limit is used up"},
		"broken for long":  {answer(http.StatusInternalServerError), 4, "500"},
		"forbidden":        {answer(http.StatusForbidden), 1, "docker login"},
		"not found":        {answer(http.StatusNotFound), 1, "not in the registry"},
	} {
		t.Run(faultName, func(t *testing.T) {
			var asked atomic.Int64
			var armed atomic.Bool
			host := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
				return armed.Load() && strings.Contains(r.URL.Path, "/manifests/") && test.fault(asked.Add(1), w, r)
			})
			want := push(t, host, "org/a:v1")
			armed.Store(true)
			resolutions, err := image.Lock(t.Context(), bundleOf(host, "a"), image.Options{Wait: noWait})
			if asked.Load() != test.asked {
				t.Errorf("asked %d times, want %d", asked.Load(), test.asked)
			}
			if test.want == "" {
				if err != nil || resolutions[0].Digest != want {
					t.Errorf("got %+v, %v", resolutions, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || resolutions[0].Digest != "" {
				t.Errorf("got %+v, %v", resolutions, err)
			}
		})
	}
}

// login answers for one registry, as Docker's configuration does.
type login struct{ host, password string }

func (l login) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if r.RegistryStr() == l.host {
		return &authn.Basic{Username: "u", Password: l.password}, nil
	}
	return authn.Anonymous, nil
}

func TestPrivateRegistry(t *testing.T) {
	var armed atomic.Bool
	host := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if _, password, _ := r.BasicAuth(); !armed.Load() || password == "hunter2" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	push(t, host, "org/a:v1")
	armed.Store(true)
	if _, err := image.Lock(t.Context(), bundleOf(host, "a"), image.Options{Keychain: login{host, "hunter2"}}); err != nil {
		t.Error(err)
	}
	_, err := image.Lock(t.Context(), bundleOf(host, "a"), image.Options{Keychain: login{host, "wrong-hunter2"}, Wait: noWait})
	if err == nil || !strings.Contains(err.Error(), "docker login") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestRegistriesAreNotOverrun(t *testing.T) {
	const bound = 2
	var running, most atomic.Int64
	full := make(chan struct{})
	var once sync.Once
	host := serve(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/manifests/") {
			return false
		}
		now := running.Add(1)
		defer running.Add(-1)
		if now > most.Load() {
			most.Store(now)
		}
		if now == bound {
			once.Do(func() { close(full) })
		}
		// Nobody is answered before all places are taken: with fewer requests at a time this would not end.
		<-full
		w.WriteHeader(http.StatusNotFound)
		return true
	})
	names := make([]string, 6)
	for i := range names {
		names[i] = fmt.Sprint("image", i)
	}
	if _, err := image.Lock(t.Context(), bundleOf(host, names...), image.Options{Parallel: bound, Wait: noWait}); err == nil {
		t.Error("images that are not there were resolved")
	}
	if most.Load() != bound {
		t.Errorf("%d requests at a time, allowed are %d", most.Load(), bound)
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	host := serve(t, func(_ http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	})
	if _, err := image.Lock(ctx, bundleOf(host, "a"), image.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestMirrorList(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	b := &bundle.Bundle{Images: map[string]bundle.Image{
		"loki":   {Repository: "docker.io/grafana/loki", Tag: "3.7.8"},
		"cortex": {Repository: "quay.io/cortexproject/cortex", Tag: "v1.21.1", Digest: digest},
	}}
	got := image.List(b, "mirror.example.com/obs")
	want := []image.Mirror{
		{Name: "cortex", Source: "quay.io/cortexproject/cortex:v1.21.1@" + digest, Destination: "mirror.example.com/obs/quay.io/cortexproject/cortex:v1.21.1"},
		{Name: "loki", Source: "docker.io/grafana/loki:3.7.8", Destination: "mirror.example.com/obs/docker.io/grafana/loki:3.7.8"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// What a pod names is the destination with the digest behind it.
	if pod := b.Images["cortex"].Reference("mirror.example.com/obs"); pod != want[0].Destination+"@"+digest {
		t.Errorf("pods name %s", pod)
	}
}
