package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/yaml"
)

const twoTenants = `
tenants:
- name: payments
  limits: {requestsPerSecond: 200, bytesPerSecond: 4MiB}
  grafana: {editors: [payments-devs]}
- name: search
callers:
- {namespace: tenant-payments, serviceAccount: grafana, tenant: payments, scopes: [metrics:read, logs:read]}
- {namespace: shop, tenant: payments, scopes: [metrics:write]}
- {namespace: syncer, serviceAccount: syncer, anyTenant: true, scopes: [rules:write, alerts:configure]}
`

func TestParseTenants(t *testing.T) {
	got, err := ParseTenants([]byte(twoTenants))
	if err != nil {
		t.Fatal(err)
	}
	want := Tenants{
		Tenants: []Tenant{
			{
				Name:    "payments",
				Limits:  TenantLimits{RequestsPerSecond: 200, BytesPerSecond: 4 << 20},
				Grafana: &Access{Editors: []string{"payments-devs"}},
			},
			{Name: "search"},
		},
		Callers: []Caller{
			{Namespace: "tenant-payments", ServiceAccount: "grafana", Tenant: "payments", Scopes: []Scope{MetricsRead, LogsRead}},
			{Namespace: "shop", Tenant: "payments", Scopes: []Scope{MetricsWrite}},
			{Namespace: "syncer", ServiceAccount: "syncer", AnyTenant: true, Scopes: []Scope{RulesWrite, AlertsConfigure}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSeveralFilesAreOneList(t *testing.T) {
	one := []byte("tenants: [{name: payments}]\ncallers: [{namespace: shop, tenant: payments, scopes: [metrics:write]}]\n")
	other := []byte("tenants: [{name: search}]\n")
	got, err := ParseTenants(one, other)
	if err != nil || len(got.Tenants) != 2 || len(got.Callers) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	for name, test := range map[string]struct{ file, want string }{
		"a tenant stands in two":         {"tenants: [{name: search}, {name: payments}]", `is "payments" like tenants[0].name`},
		"two tenants have one ID":        {"tenants: [{name: search, id: payments}]", `which is the ID of tenant payments`},
		"a caller stands in two":         {"tenants: [{name: search}]\ncallers: [{namespace: shop, tenant: search, scopes: [metrics:write]}]", "is the same caller"},
		"a caller without its tenant":    {"tenants: [{name: search}]\ncallers: [{namespace: till, tenant: payments, scopes: [metrics:write]}]", "is not one of the tenants"},
		"the second file cannot be read": {"tenants: [", "tenants.yaml:1"},
		"an empty file":                  {"", "is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseTenants(one, []byte(test.file)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want one with %s", err, test.want)
			}
		})
	}
}

func TestParseTenantsAcceptsNone(t *testing.T) {
	if _, err := ParseTenants([]byte("tenants: []\ncallers: []\n")); err != nil {
		t.Errorf("a cluster without tenants is refused: %v", err)
	}
}

func TestParseTenantsRefuses(t *testing.T) {
	for name, test := range map[string]struct{ old, text, want string }{
		"a tenant that is a federation":     {"name: search", "name: payments|search", `tenants[1].name is "payments|search"`},
		"a tenant that climbs":              {"name: search", "name: ..", `tenants[1].name is ".."`},
		"a tenant in capitals":              {"name: search", "name: Search", `tenants[1].name is "Search"`},
		"a tenant named like our host":      {"name: search", "name: metrics", "a host of the proxy itself"},
		"an ID that is a federation":        {"name: search", "name: search\n  id: search|payments", `tenants[1].id is "search|payments"`},
		"an ID of another tenant":           {"name: search", "name: search\n  id: payments", "which is the ID of tenant payments"},
		"a tenant twice":                    {"name: search", "name: payments", "like tenants[0].name"},
		"a caller of an unknown tenant":     {"tenant: payments, scopes: [metrics:write]", "tenant: paymants, scopes: [metrics:write]", `callers[1].tenant is "paymants"`},
		"a caller of nobody":                {"tenant: payments, scopes: [metrics:write]", "scopes: [metrics:write]", "callers[1] acts for no tenant"},
		"a caller of everybody and one":     {"anyTenant: true", "anyTenant: true, tenant: search", "beside tenant"},
		"a whole namespace of everybody":    {"serviceAccount: syncer, ", "", "true for a whole namespace"},
		"a caller of two tenants":           {"namespace: shop", "namespace: tenant-payments, serviceAccount: grafana", "is the same caller"},
		"an unknown scope":                  {"[metrics:write]", "[metrics:admin]", `callers[1].scopes[0] is "metrics:admin"`},
		"no scope":                          {"[metrics:write]", "[]", "callers[1].scopes is empty"},
		"an account with its namespace":     {"serviceAccount: grafana", "serviceAccount: a:b", "callers[0].serviceAccount is"},
		"a limit below nothing":             {"requestsPerSecond: 200", "requestsPerSecond: -1", "tenants[0].limits.requestsPerSecond is -1"},
		"a group where a list is due":       {"editors: [payments-devs]", "editors: payments-devs", "editors must be a list"},
		"a role that does not exist":        {"editors: [payments-devs]", "owners: [payments-devs]", `unknown field "owners"`},
		"a header smuggled into a namespce": {"namespace: shop", `namespace: "shop\r\nX: y"`, "callers[1].namespace is"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseTenants([]byte(strings.Replace(twoTenants, test.old, test.text, 1)))
			if err == nil {
				t.Fatalf("accepted as %+v", got)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("the message does not say %q:\n%v", test.want, err)
			}
		})
	}
}

func FuzzParseTenants(f *testing.F) {
	f.Add([]byte(twoTenants))
	f.Add([]byte("tenants: null\ncallers: [{}]"))
	f.Add([]byte("? {a: b}\n: c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tenants, err := ParseTenants(data)
		if err != nil {
			return
		}
		for _, tenant := range tenants.Tenants {
			if strings.ContainsAny(tenant.Name, "|/. \x00") {
				t.Errorf("accepted the tenant %q", tenant.Name)
			}
		}
		text, err := yaml.Marshal(tenants)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseTenants(text)
		if err != nil && text[0] != '{' { // "{}" is what no tenants are written as
			t.Fatalf("what was accepted is refused when written back: %v\n%s", err, text)
		}
		if diff := cmp.Diff(tenants, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("changed when written back (-before +after):\n%s", diff)
		}
	})
}

// BenchmarkParseTenants is what a changed tenant among ten thousand costs each proxy.
func BenchmarkParseTenants(b *testing.B) {
	const files, each = 16, 625
	texts := make([][]byte, files)
	for i := range texts {
		var list Tenants
		for j := range each {
			name := fmt.Sprintf("team-%d", i*each+j)
			list.Tenants = append(list.Tenants, Tenant{
				Name: name, ID: name + "-k7x2q", Limits: TenantLimits{RequestsPerSecond: 670, ConcurrentRequests: 100, BytesPerSecond: 29388704},
				Grafana: &Access{Editors: []string{name}, Viewers: []string{"engineering"}},
			})
			list.Callers = append(list.Callers,
				Caller{Namespace: name, ServiceAccount: "collector", Tenant: name, Scopes: []Scope{LogsWrite, MetricsWrite}},
				Caller{Namespace: "tenant-" + name, ServiceAccount: "grafana", Tenant: name, Scopes: []Scope{MetricsRead, LogsRead, AlertsRead, AlertsWrite}},
			)
		}
		text, err := yaml.Marshal(list)
		if err != nil {
			b.Fatal(err)
		}
		texts[i] = text
	}
	for b.Loop() {
		if _, err := ParseTenants(texts...); err != nil {
			b.Fatal(err)
		}
	}
}
