package frontdoor_test

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/opsgen/opsgen/syncer/backendtest"
	"github.com/opsgen/opsgen/syncer/config"
	"github.com/opsgen/opsgen/syncer/frontdoor"
)

func door(t *testing.T, c config.Proxy, perSecond int) *frontdoor.Client {
	t.Helper()
	client, err := frontdoor.New(c, perSecond, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func get(t *testing.T, client *frontdoor.Client) error {
	t.Helper()
	_, err := client.Do(t.Context(), "payments", http.MethodGet, "/api/v1/rules", nil)
	return err
}

// absent is what a good request is answered with here: there are no rules.
func absent(err error) bool { return frontdoor.Absent(err, "no rule groups found") }

func TestARenewedTokenIsUsedAtOnce(t *testing.T) {
	backend := backendtest.New(t)
	client := door(t, backend.Proxy(), 100)
	file := backend.Proxy().TokenFile
	for _, test := range []struct {
		token string
		works bool
		says  string
	}{
		{"expired", false, "401"}, {backendtest.Token, true, ""}, {"", false, "holds none"}, {"two\nlines", false, "holds none"}, {backendtest.Token, true, ""},
	} {
		if err := os.WriteFile(file, []byte(test.token), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := get(t, client); absent(err) != test.works || !test.works && !strings.Contains(err.Error(), test.says) {
			t.Errorf("with the token %q: %v", test.token, err)
		}
	}
}

func TestAChangedAuthorityIsTrustedAtOnce(t *testing.T) {
	backend := backendtest.New(t)
	c := backend.Proxy()
	good, err := os.ReadFile(c.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	client := door(t, c, 100)
	for _, test := range []struct {
		text  string
		works bool
	}{{"no certificate", false}, {string(good), true}, {"half written", true}, {string(good) + string(good), true}} {
		if err := os.WriteFile(c.CAFile, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := get(t, client); absent(err) != test.works {
			t.Errorf("with %.20q: %v", test.text, err)
		}
	}
	if err := os.Remove(c.CAFile); err != nil {
		t.Fatal(err)
	}
	if err := get(t, client); !absent(err) {
		t.Errorf("while the file is replaced: %v", err)
	}
	if err := get(t, door(t, c, 100)); err == nil || frontdoor.As(err).Reason() != "unreachable" {
		t.Errorf("without any authority: %v", err)
	}
}

func TestAnotherServerIsNotTrusted(t *testing.T) {
	right, wrong := backendtest.New(t), backendtest.New(t)
	c := wrong.Proxy()
	c.CAFile = right.Proxy().CAFile
	// Both have the same built-in certificate, so that only a name tells them apart.
	c.URL = strings.Replace(c.URL, "127.0.0.1", "localhost", 1)
	if err := get(t, door(t, c, 100)); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server of another name: %v", err)
	}
}

func TestRequestsASecondAreBounded(t *testing.T) {
	backend := backendtest.New(t)
	client := door(t, backend.Proxy(), 20)
	began := time.Now()
	for range 30 { // the first 20 at once, 10 more at 20 a second
		_ = get(t, client)
	}
	if took := time.Since(began); took < 450*time.Millisecond {
		t.Errorf("30 requests took %s", took)
	}
}

func TestABodyThatIsTooLargeIsNotSent(t *testing.T) {
	backend := backendtest.New(t)
	_, err := door(t, backend.Proxy(), 10).Do(t.Context(), "payments", http.MethodPost, "/api/v1/alerts", make([]byte, 5<<20))
	if err == nil || !frontdoor.As(err).Refused() || len(backend.Requests("")) != 0 {
		t.Errorf("the error is %v", err)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	for status, want := range map[int]string{
		0: "unreachable", 400: "refused", 413: "refused", 422: "refused", 401: "rights", 403: "rights", 404: "missing",
		429: "limited", 302: "unavailable", 500: "unavailable", 503: "unavailable", 418: "unavailable",
	} {
		if got := (&frontdoor.Error{Status: status}).Reason(); got != want {
			t.Errorf("%d is %q, want %q", status, got, want)
		}
	}
}
