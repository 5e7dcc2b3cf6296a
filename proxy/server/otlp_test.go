package server_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

// A collector that gets 500 throws its data away, where Prometheus and Promtail send it again.
func TestACollectorKeepsWhatAnUpstreamCouldNotTake(t *testing.T) {
	answer := http.StatusOK
	p := proxytest.Start(t, proxytest.Options{Answer: func(_ string, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(answer)
		fmt.Fprint(w, "upstream says")
	}})
	token := p.Token(t, proxytest.Payments, nil, config.MetricsWrite, config.LogsWrite)
	client := p.Client(t, true)
	const otlp, logs = "otlp." + proxytest.Domain, "logs." + proxytest.Domain
	for _, test := range []struct {
		url           string
		answers, want int
	}{
		{otlp + "/v1/metrics", 200, 200},
		{otlp + "/v1/metrics", 500, 503},
		{otlp + "/v1/logs", 500, 503},
		{otlp + "/otlp/v1/logs", 500, 503},
		{metricsHost + "/api/v1/otlp/v1/metrics", 500, 503},
		{logs + "/otlp/v1/logs", 500, 503},
		{otlp + "/v1/metrics", 400, 400},
		{otlp + "/v1/metrics", 429, 429},
		{otlp + "/v1/metrics", 503, 503},
		{metricsHost + "/api/v1/push", 500, 500},
		{logs + "/loki/api/v1/push", 500, 500},
		{otlp + "/v1/traces", 200, 404},
	} {
		answer = test.answers
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+test.url, bytes.NewReader([]byte("data")))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/x-protobuf")
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != test.want {
			t.Errorf("%s: the upstream answers %d, the sender gets %d, want %d", test.url, test.answers, response.StatusCode, test.want)
		}
	}
}
