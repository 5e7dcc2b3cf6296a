package proxytest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// Request is what reached an upstream.
type Request struct {
	// Component is who got it: "metrics.distributor", "logs.querier", "grafana", as in the configuration.
	Component string
	// Method, Host, URI, Header and Body are as they arrived.
	Method, Host, URI string
	Header            http.Header
	Body              []byte
	// BodyError is why not all of the body arrived.
	BodyError error
}

// maxRecorded bounds what is kept of a body.
const maxRecorded = 1 << 20

// recorder remembers requests.
type recorder struct {
	mutex    sync.Mutex
	requests []Request
}

func (r *recorder) add(request Request) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.requests = append(r.requests, request)
}

func (r *recorder) all() []Request {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return slices.Clone(r.requests)
}

// upstreams starts a server for each component and returns their URLs by the component's name.
func (r *recorder) upstreams(t testing.TB, answer func(component string, w http.ResponseWriter, r *http.Request)) map[string]string {
	t.Helper()
	urls := map[string]string{}
	for _, component := range []string{
		"metrics.distributor", "metrics.queryFrontend", "metrics.ruler", "metrics.alertmanager", "metrics.purger",
		"logs.distributor", "logs.queryFrontend", "logs.querier", "logs.ruler", "logs.compactor", "grafana",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			seen := Request{
				Component: component, Method: request.Method, Host: request.Host, URI: request.RequestURI, Header: request.Header.Clone(),
			}
			if request.Header.Get("Upgrade") == "" {
				seen.Body, seen.BodyError = io.ReadAll(io.LimitReader(request.Body, maxRecorded))
				if seen.BodyError == nil {
					_, seen.BodyError = io.Copy(io.Discard, request.Body)
				}
			}
			r.add(seen)
			if answer != nil {
				answer(component, w, request)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"status":"success"}`) // a client that is gone needs no answer
		}))
		t.Cleanup(func() {
			server.CloseClientConnections()
			server.Close()
		})
		urls[component] = server.URL
	}
	return urls
}

// patience is how long Eventually waits: only a failure takes that long, and a busy machine may take a while.
const patience = time.Minute

// Eventually polls until the condition holds, and fails the test when it does not within a minute.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}
