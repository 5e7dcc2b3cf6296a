package config_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/proxy/config"
)

// cluster is what the bases of the proxy need of a cluster.
const cluster = `{
	name: "prod", domain: "obs.example.com", options: {topology: "microservices"}, enabled: {cortex: true, loki: true},
	sizing: {proxy: {proxy: {replicas: 3, cpu: "1", memory: "1Gi", memoryBytes: 1073741824}}},
}`

// tenant is a resolved tenant with further fields.
func tenant(name, fields string) string {
	return `{name: "` + name + `", id: "` + name + `", metrics: {samplesPerSecond: 10000}, logs: {bytesPerDay: 2e10}, ` + fields + `}`
}

// rendered is the file that a base writes into the ConfigMap of that name.
func rendered(t *testing.T, base, configMap, file string, arguments map[string]string) (string, error) {
	t.Helper()
	text, err := jsonnet.New("../..", nil).Evaluate(base, arguments, nil)
	if err != nil {
		return "", err
	}
	var objects []any
	if err := json.Unmarshal(text, &objects); err != nil {
		t.Fatal(err)
	}
	for _, entry := range objects {
		object, _ := entry.(map[string]any)
		metadata, _ := object["metadata"].(map[string]any)
		if data, ok := object["data"].(map[string]any); ok && metadata["name"] == configMap {
			return data[file].(string), nil
		}
	}
	t.Fatalf("%s makes no ConfigMap %s", base, configMap)
	return "", nil
}

// tenantsFile is what the proxy reads of the ConfigMaps that list tenants.
func tenantsFile(t *testing.T, tenants ...string) (config.Tenants, error) {
	t.Helper()
	text, err := jsonnet.New("../..", nil).Evaluate("bases/proxy/tenants.jsonnet", map[string]string{
		"cluster": cluster, "bundle": "{}", "tenants": "[" + strings.Join(tenants, ",") + "]",
	}, nil)
	if err != nil {
		return config.Tenants{}, err
	}
	var objects []struct {
		Kind string
		Data map[string]string
	}
	if err := json.Unmarshal(text, &objects); err != nil {
		t.Fatal(err)
	}
	var files [][]byte
	for _, object := range objects {
		if object.Kind == "ConfigMap" {
			files = append(files, []byte(object.Data[config.TenantsFileName]))
		}
	}
	return config.ParseTenants(files...)
}

func TestTheProxyReadsWhatItsBaseWrites(t *testing.T) {
	text, err := rendered(t, "bases/proxy/main.jsonnet", "proxy", config.FileName, map[string]string{"cluster": cluster, "bundle": "{}"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if c.Replicas != 3 || c.Tokens.Audience != "prod" || c.Upstreams.Logs.QueryFrontend != "http://query-frontend-pods.loki.svc:8080" {
		t.Errorf("replicas, audience or upstreams are wrong: %+v", c)
	}
}

func TestTheProxyReadsTheLoginThatItsBaseWrites(t *testing.T) {
	withLogin := func(fields string) string {
		return strings.TrimSuffix(strings.TrimSpace(cluster), "}") + `login: {groupsClaim: "groups", scopes: ["openid"], sessionLifetime: "8h", ` + fields + `}}`
	}
	text, err := rendered(t, "bases/proxy/main.jsonnet", "proxy", config.FileName, map[string]string{
		"cluster": withLogin(`issuer: "https://login.example.com:8443/x", clientID: "observability", clientSecret: "oidc", ca: "authority"`), "bundle": "{}",
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Login{
		Issuer: "https://login.example.com:8443/x", ClientID: "observability", ClientSecretFile: "/etc/proxy-login/client-secret",
		SessionKeyFile: "/etc/proxy-session/session-key", GroupsClaim: "groups", Scopes: []string{"openid"},
		SessionLifetime: quantity.Duration(8 * time.Hour), CAFile: "/etc/proxy-login-ca/ca.crt",
	}
	if diff := cmp.Diff(want, c.Login); diff != "" {
		t.Errorf("login (-want +got):\n%s", diff)
	}
	for _, issuer := range []string{"login.example.com", "", "https://", "https://login.example.com:x", "http://login.example.com"} {
		text, err := rendered(t, "bases/proxy/main.jsonnet", "proxy", config.FileName, map[string]string{
			"cluster": withLogin(`issuer: "` + issuer + `", clientID: "observability"`), "bundle": "{}",
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := config.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), "login.issuer") {
			t.Errorf("the issuer %q is not refused: %v", issuer, err)
		}
	}
}

func TestTenantsOfABase(t *testing.T) {
	got, err := tenantsFile(t,
		tenant("payments", `grafana: {roles: {Admin: ["sre"], Viewer: ["all"]}}, access: [
			{namespace: "shop", scopes: ["metrics:write"]}, {namespace: "shop", scopes: ["logs:write"]},
		]`),
		tenant("search", `grafana: {enabled: false}`),
	)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got.Tenants, func(a, b config.Tenant) int { return strings.Compare(a.Name, b.Name) })
	if want := (&config.Access{Admins: []string{"sre"}, Viewers: []string{"all"}}); !cmp.Equal(got.Tenants[0].Grafana, want) {
		t.Errorf("payments' roles are %+v, want %+v", got.Tenants[0].Grafana, want)
	}
	if got.Tenants[1].Grafana != nil {
		t.Error("search has switched Grafana off, and the proxy would let people to it")
	}
	callers := map[string]config.Caller{}
	for _, caller := range got.Callers {
		callers[caller.Namespace+"/"+caller.ServiceAccount] = caller
	}
	want := map[string]config.Caller{
		"shop/": {Namespace: "shop", Tenant: "payments", Scopes: []config.Scope{"logs:write", "metrics:write"}},
		"tenant-payments/grafana": {
			Namespace: "tenant-payments", ServiceAccount: "grafana", Tenant: "payments",
			Scopes: []config.Scope{"metrics:read", "logs:read", "alerts:read", "alerts:write"},
		},
		"syncer/syncer": {Namespace: "syncer", ServiceAccount: "syncer", AnyTenant: true, Scopes: []config.Scope{"metrics:read", "logs:read", "rules:write", "alerts:read", "alerts:configure", "data:delete"}},
	}
	if diff := cmp.Diff(want, callers); diff != "" {
		t.Errorf("callers (-want +got):\n%s", diff)
	}
}

func TestACallerOfTwoTenantsIsRefused(t *testing.T) {
	access := `access: [{namespace: "shop", serviceAccount: "agent", scopes: ["metrics:write"]}]`
	for name, tenants := range map[string][]string{
		"two tenants name one account":      {tenant("payments", access), tenant("search", access)},
		"a tenant names another's Grafana":  {tenant("payments", `access: [{namespace: "tenant-search", serviceAccount: "grafana", scopes: ["logs:read"]}]`), tenant("search", "")},
		"a tenant names the platform's own": {tenant("payments", `access: [{namespace: "syncer", serviceAccount: "syncer", scopes: ["logs:read"]}]`)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := tenantsFile(t, tenants...); err == nil || !strings.Contains(err.Error(), "a caller acts for one tenant") {
				t.Errorf("not refused: %v", err)
			}
		})
	}
}

// TestThousandsOfTenantsAreSpread: a ConfigMap holds 1 MiB, and a tenant has some 500 bytes.
func TestThousandsOfTenantsAreSpread(t *testing.T) {
	names := make([]string, 320)
	for i := range names {
		names[i] = tenant(fmt.Sprintf("team-%d", i), "")
	}
	text, err := jsonnet.New("../..", nil).Evaluate("bases/proxy/tenants.jsonnet", map[string]string{
		"cluster": cluster, "bundle": "{}", "tenants": "[" + strings.Join(names, ",") + "]",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var objects []*struct {
		Metadata struct{ Name string }
		Data     map[string]string
	}
	if err := json.Unmarshal(text, &objects); err != nil {
		t.Fatal(err)
	}
	largest, shards := 0, 0
	for _, object := range objects {
		if object != nil && strings.HasPrefix(object.Metadata.Name, "proxy-tenants-") {
			shards++
			largest = max(largest, strings.Count(object.Data[config.TenantsFileName], "requestsPerSecond"))
		}
	}
	if shards != 16 || largest > 40 {
		t.Errorf("320 tenants are in %d ConfigMaps, %d in the largest one", shards, largest)
	}
}
