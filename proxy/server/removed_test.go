package server_test

import (
	"net/http"
	"testing"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/proxytest"
)

func TestWhatIsLeftOfARemovedTenantCanBeClearedAway(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{Tenants: func(c *config.Tenants) { c.Tenants[1].ID = "search-k7x2q" }})
	for name, test := range map[string]struct {
		account, method string
		header          http.Header
		want            int
		tenant          string // in the upstream's header
		says            string // in the answer's header
	}{
		"a tenant with an ID of its own": {"syncer", "GET", http.Header{"X-Opsgen-Tenant": {"search"}}, 200, "search-k7x2q", "search-k7x2q"},
		"reading":                        {"syncer", "GET", http.Header{"X-Opsgen-Tenant-Id": {"gone-1"}}, 200, "gone-1", ""},
		"deleting":                       {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {"gone-1"}}, 200, "gone-1", ""},
		"writing":                        {"syncer", "POST", http.Header{"X-Opsgen-Tenant-Id": {"gone-1"}}, 403, "", ""},
		"one that exists":                {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {"search-k7x2q"}}, 403, "", ""},
		"one that exists, by its name":   {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {proxytest.Payments}}, 403, "", ""},
		"a former ID that is a name now": {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {"search"}}, 200, "search", ""},
		"two":                            {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {"gone-1", "gone-2"}}, 400, "", ""},
		"a union":                        {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {"gone-1|payments"}}, 400, "", ""},
		"nobody":                         {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {""}}, 400, "", ""},
		"in two ways":                    {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {"gone-1"}, "X-Opsgen-Tenant": {"search"}}, 400, "", ""},
		"in Cortex' way besides":         {"syncer", "DELETE", http.Header{"X-Opsgen-Tenant-Id": {"gone-1"}, "X-Scope-Orgid": {"search"}}, 400, "", ""},
		"by a tenant's own program":      {"grafana", "GET", http.Header{"X-Opsgen-Tenant-Id": {"gone-1"}}, 200, proxytest.Payments, ""},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := map[string]string{"syncer": "syncer", "grafana": "tenant-payments"}[test.account]
			path := "/api/v1/rules/git%2Fbase"
			if test.account == "grafana" {
				path = "/api/v1/rules"
			}
			request, _ := http.NewRequestWithContext(t.Context(), test.method, "https://"+metricsHost+path, http.NoBody)
			for key, values := range test.header {
				request.Header[key] = values
			}
			request.Header.Set("Authorization", "Bearer "+p.AccountToken(t, namespace, test.account))
			before := len(p.Requests())
			response, err := p.InternalClient(t, true).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != test.want || response.Header.Get("X-Opsgen-Tenant-Id") != test.says {
				t.Errorf("the answer is %d with the ID %q, want %d and %q", response.StatusCode, response.Header.Get("X-Opsgen-Tenant-Id"), test.want, test.says)
			}
			seen := p.Requests()[before:]
			if test.tenant == "" && len(seen) > 0 || test.tenant != "" && (len(seen) != 1 || seen[0].Header.Get("X-Scope-OrgID") != test.tenant || seen[0].Header.Get("X-Opsgen-Tenant-Id") != "") {
				t.Errorf("upstreams got %+v", seen)
			}
		})
	}
}
