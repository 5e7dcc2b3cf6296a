package metrics_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/metrics"
)

// page is what a scrape gets, without the process's own metrics.
func page(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	server := httptest.NewServer(m.Handler())
	defer server.Close()
	response, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func has(t *testing.T, m *metrics.Metrics, want bool, lines ...string) {
	t.Helper()
	text := page(t, m)
	for _, line := range lines {
		if strings.Contains(text, line+"\n") != want {
			t.Errorf("the page has %s: %v, want %v", line, !want, want)
		}
	}
}

func TestARequestIsCounted(t *testing.T) {
	m := metrics.New()
	m.Observe(metrics.Request{Tenant: "payments", Route: "metrics_push", Status: 204, Bytes: 100, Duration: 2 * time.Second})
	m.Observe(metrics.Request{Tenant: "payments", Route: "metrics_push", Status: 429, Reason: "rate"})
	m.Observe(metrics.Request{Status: 777, Reason: "host"})
	has(t, m, true,
		`opsgen_proxy_requests_total{code="204",route="metrics_push",tenant="payments"} 1`,
		`opsgen_proxy_requests_total{code="429",route="metrics_push",tenant="payments"} 1`,
		`opsgen_proxy_requests_total{code="other",route="",tenant=""} 1`, // an upstream may answer anything
		config.MetricBytes+`{route="metrics_push",tenant="payments"} 100`,
		config.MetricRejected+`{reason="rate",tenant="payments"} 1`,
		config.MetricRejected+`{reason="host",tenant=""} 1`,
		config.MetricDuration+`_sum{route="metrics_push"} 2`,
	)
	m.Forget("payments")
	has(t, m, false, `opsgen_proxy_requests_total{code="204",route="metrics_push",tenant="payments"} 1`,
		config.MetricRejected+`{reason="rate",tenant="payments"} 1`)
	has(t, m, true, config.MetricRejected+`{reason="host",tenant=""} 1`)
}

func TestTheStateOfAFileIsTold(t *testing.T) {
	m := metrics.New()
	m.Loaded("proxy.yaml", true)
	m.Loaded("proxy.yaml", false)
	has(t, m, true, config.MetricConfigLoaded+`{file="proxy.yaml"} 0`,
		metrics.ConfigReloadsName+`{file="proxy.yaml",result="accepted"} 1`, metrics.ConfigReloadsName+`{file="proxy.yaml",result="refused"} 1`)
	m.Loaded("proxy.yaml", true)
	has(t, m, true, config.MetricConfigLoaded+`{file="proxy.yaml"} 1`)
}

// A renewal of one listener leaves nothing of the certificate before, and the other listener alone.
func TestExpiriesOfCertificatesAreReplaced(t *testing.T) {
	m := metrics.New()
	m.CertificateExpiries("public", map[string]time.Time{"a": time.Unix(1000, 0), "b": time.Unix(2000, 0)})
	m.CertificateExpiries("internal", map[string]time.Time{"c": time.Unix(3000, 0)})
	m.CertificateExpiries("public", map[string]time.Time{"a": time.Unix(4000, 0)})
	has(t, m, true, config.MetricCertificateExpiry+`{listener="public",name="a"} 4000`, config.MetricCertificateExpiry+`{listener="internal",name="c"} 3000`)
	has(t, m, false, config.MetricCertificateExpiry+`{listener="public",name="b"} 2000`)
}

// All 48 bits arrive: two configurations that differ have different numbers.
func TestTheHashOfAConfigurationIsExact(t *testing.T) {
	m := metrics.New()
	for _, hash := range []uint64{0xffff_ffff_ffff_0000, 0xffff_ffff_fffe_0000} {
		m.ConfigHash(hash)
		for line := range strings.Lines(page(t, m)) {
			if value, found := strings.CutPrefix(line, metrics.ConfigHashName+" "); found {
				if got, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err != nil || uint64(got) != hash>>16 {
					t.Errorf("%x is told as %s", hash>>16, value)
				}
			}
		}
	}
}

// An alert reads when the first of a tenant's agents will be locked out.
func TestTheSoonestTokenInUseIsTold(t *testing.T) {
	m := metrics.New()
	now := time.Now()
	day := func(n int) time.Time { return now.AddDate(0, 0, n) }
	line := func(at time.Time) string {
		return metrics.TokenExpiryName + `{tenant="payments"} ` + strconv.FormatFloat(float64(at.Unix()), 'g', -1, 64)
	}
	m.Tokens.Seen("payments", "late", day(90), now)
	m.Tokens.Seen("payments", "soon", day(3), now)
	m.Tokens.Seen("payments", "soon", day(3), now)
	has(t, m, true, line(day(3)))
	m.Tokens.Seen("payments", "unused", day(1), day(-2)) // nobody has used it for two days
	has(t, m, true, line(day(3)))
	m.Tokens.Seen("payments", "over", day(-1), now)
	has(t, m, true, line(day(3)))
	m.Forget("payments")
	if strings.Contains(page(t, m), metrics.TokenExpiryName+"{") {
		t.Error("a tenant that is gone still has tokens")
	}
}

// Whoever makes up IDs makes no memory: a tenant's tokens are bounded.
func TestManyTokensOfATenantAreBounded(t *testing.T) {
	m := metrics.New()
	now := time.Now()
	for i := range 10_000 {
		m.Tokens.Seen("payments", strconv.Itoa(i), now.Add(time.Duration(10_000-i)*time.Hour), now)
	}
	// The first of them are watched, whose soonest is not the soonest of all.
	soonest := now.Add(10_000 * time.Hour)
	for line := range strings.Lines(page(t, m)) {
		if value, found := strings.CutPrefix(line, metrics.TokenExpiryName+`{tenant="payments"} `); found {
			seconds, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			soonest = time.Unix(int64(seconds), 0)
		}
	}
	if left := soonest.Sub(now).Hours(); left < 9000 || left > 9990 {
		t.Errorf("the soonest is told as %.0f hours away; some tokens but not all are watched", left)
	}
}

func TestConnectionsAndLinesAreCounted(t *testing.T) {
	m := metrics.New()
	m.Connections("public").Inc()
	m.ConnectionRefused("public")
	m.LineDropped()
	m.InFlight(func(yield func(string, int)) { yield("payments", 7) })
	has(t, m, true, config.MetricConnections+`{listener="public"} 1`, metrics.ConnectionsRefusedName+`{listener="public"} 1`,
		metrics.LinesDroppedName+" 1", config.MetricInFlight+`{tenant="payments"} 7`)
}
