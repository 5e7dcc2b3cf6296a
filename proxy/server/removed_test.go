package server_test

import (
	"net/http"
	"strings"
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

// TestOnlyARemovedTenantIsErased goes to what deletes all that a tenant has, and to Loki's requests to delete.
func TestOnlyARemovedTenantIsErased(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{Tenants: func(c *config.Tenants) {
		c.Callers[0].Scopes = append(c.Callers[0].Scopes, config.DataDelete)
	}})
	id, name := "X-Opsgen-Tenant-Id", "X-Opsgen-Tenant"
	for what, test := range map[string]struct {
		account, target string
		header          [2]string
		want            int
		component       string
	}{
		"metrics of a removed tenant":           {"syncer", "POST /purger/delete_tenant", [2]string{id, "gone-1"}, 200, "metrics.purger"},
		"how far that is":                       {"syncer", "GET /purger/delete_tenant_status", [2]string{id, "gone-1"}, 200, "metrics.purger"},
		"logs of a removed tenant":              {"syncer", "POST /loki/api/v1/delete?query=%7B%7D&start=0", [2]string{id, "gone-1"}, 200, "logs.compactor"},
		"metrics of a tenant, by its ID":        {"syncer", "POST /purger/delete_tenant", [2]string{id, proxytest.Payments}, 403, ""},
		"logs of a tenant, by its ID":           {"syncer", "POST /loki/api/v1/delete?query=%7B%7D&start=0", [2]string{id, proxytest.Payments}, 403, ""},
		"metrics of a tenant, by its name":      {"syncer", "POST /purger/delete_tenant", [2]string{name, proxytest.Payments}, 403, ""},
		"logs of a tenant, by its name":         {"syncer", "POST /loki/api/v1/delete?query=%7B%7D&start=0", [2]string{name, proxytest.Payments}, 403, ""},
		"a tenant's requests, by its name":      {"syncer", "GET /loki/api/v1/delete", [2]string{name, proxytest.Payments}, 403, ""},
		"metrics by the tenant's own program":   {"grafana", "POST /purger/delete_tenant", [2]string{}, 403, ""},
		"somebody's by another tenant's":        {"grafana", "POST /purger/delete_tenant", [2]string{id, "gone-1"}, 403, ""},
		"its own lines, which it may":           {"grafana", "POST /loki/api/v1/delete?query=%7B%7D&start=0", [2]string{}, 200, "logs.compactor"},
		"by a method that the purger knows not": {"syncer", "DELETE /purger/delete_tenant", [2]string{id, "gone-1"}, 405, ""},
	} {
		t.Run(what, func(t *testing.T) {
			method, path, _ := strings.Cut(test.target, " ")
			request, _ := http.NewRequestWithContext(t.Context(), method, "https://proxy-internal.proxy.svc"+path, http.NoBody)
			if test.header[0] != "" {
				request.Header.Set(test.header[0], test.header[1])
			}
			namespace := map[string]string{"syncer": "syncer", "grafana": "tenant-payments"}[test.account]
			request.Header.Set("Authorization", "Bearer "+p.AccountToken(t, namespace, test.account))
			before := len(p.Requests())
			response, err := p.InternalClient(t, true).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			seen := p.Requests()[before:]
			if response.StatusCode != test.want || (test.component != "") != (len(seen) == 1) || len(seen) == 1 && seen[0].Component != test.component {
				t.Errorf("the answer is %d, upstreams got %+v; want %d and %q", response.StatusCode, seen, test.want, test.component)
			}
		})
	}
}

// TestNobodyOutsideErases is the same from the public listener.
func TestNobodyOutsideErases(t *testing.T) {
	p := proxytest.Start(t, proxytest.Options{})
	for _, host := range []string{metricsHost, "proxy-internal.proxy.svc"} {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+metricsHost+"/purger/delete_tenant", http.NoBody)
		request.Host = host
		request.Header.Set("X-Opsgen-Tenant-Id", "gone-1")
		request.Header.Set("Authorization", "Bearer "+p.AccountToken(t, "syncer", "syncer"))
		response, err := p.Client(t, true).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode/100 != 4 || len(p.Requests()) > 0 {
			t.Errorf("under %s the answer is %d", host, response.StatusCode)
		}
	}
}
