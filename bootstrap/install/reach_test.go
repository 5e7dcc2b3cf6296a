package install

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/rest"
)

// answer is how one server answers, each time.
type answer func() (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (a answer) RoundTrip(*http.Request) (*http.Response, error) { return a() }

func says(code int, body string) answer {
	return func() (*http.Response, error) {
		recorder := httptest.NewRecorder()
		recorder.WriteHeader(code)
		_, err := recorder.WriteString(body)
		return recorder.Result(), err
	}
}

func fails(err error) answer {
	return func() (*http.Response, error) { return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err} }
}

// TestReach: Kubernetes has answered when it refuses, and has not when something before it does; and nobody waits for long.
func TestReach(t *testing.T) {
	tries := 0
	for name, test := range map[string]struct {
		answer answer
		says   string
		most   time.Duration
	}{
		"it answers":          {says(200, `{"gitVersion":"v1.35.2"}`), "", 0},
		"it refuses":          {says(401, `{"kind":"Status","code":401}`), "", 0},
		"it forbids":          {says(403, `{"kind":"Status","code":403}`), "", 0},
		"a front end refuses": {says(403, `<html>Forbidden</html>`), "says 403 Forbidden", 30 * time.Second},
		"nothing of the kind": {says(404, `<html>`), "says 404", 30 * time.Second},
		"it is broken":        {says(503, ``), "says 503", 30 * time.Second},
		"nothing listens":     {fails(syscall.ECONNREFUSED), "connection refused", 5 * time.Second},
		"no such name":        {fails(&net.DNSError{Err: "no such host", IsNotFound: true}), "no such host", 5 * time.Second},
		"nothing comes back":  {fails(errors.New("i/o timeout")), "i/o timeout", 30 * time.Second},
		"it begins to answer": {func() (*http.Response, error) {
			if tries++; tries < 5 {
				return says(503, "")()
			}
			return says(200, "{}")()
		}, "", 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				err := Reach(t.Context(), &rest.Config{Host: "https://kubernetes.example.com", Transport: test.answer})
				if (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("it says: %v", err)
				}
				if took := time.Since(began); took > test.most {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := Reach(stopped, &rest.Config{Host: "https://kubernetes.example.com", Transport: says(503, "")}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped, it says: %v", err)
	}
}
