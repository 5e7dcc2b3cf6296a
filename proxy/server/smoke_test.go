package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

func TestARequestReachesItsUpstreamForItsTenantOnly(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	for _, http2 := range []bool{false, true} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://metrics."+proxytest.Domain+"/api/v1/push", strings.NewReader("samples"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+p.Token(t, proxytest.Payments, nil, config.MetricsWrite))
		request.Header.Set("X-Scope-OrgID", proxytest.Search)
		response, err := p.Client(t, http2).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("%s %s", response.Status, text)
		}
		seen := p.Requests()
		last := seen[len(seen)-1]
		if got := last.Header["X-Scope-Orgid"]; len(got) != 1 || got[0] != proxytest.Payments || string(last.Body) != "samples" {
			t.Errorf("the upstream got %+v", last)
		}
	}
}
