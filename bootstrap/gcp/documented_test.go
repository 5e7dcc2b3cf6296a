package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/api/googleapi"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/gcp/gcpfake"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/identity"
)

// TestDocumentedCalls: every method that is called, every field that is sent, and every field that the fake answers with is
// in Google's own documents, with a value that they know.
func TestDocumentedCalls(t *testing.T) {
	credentialsOf(t)
	documents := readDiscovery(t)
	line := &checked{documents: documents, used: map[string]bool{}}
	synctest.Test(t, func(t *testing.T) {
		cloud := gcpfake.New(20*time.Second, 10*time.Second)
		cloud.Disabled["dns.googleapis.com"] = true
		line.next = killtest.Direct(cloud)
		for _, run := range []killtest.Run{up, closed, limited, up, grown, settledAt136, down(false), up, down(true), looks} {
			if err := run(t.Context(), line); err != nil {
				t.Fatal(err)
			}
		}
	})
	for _, problem := range line.problems {
		t.Error(problem)
	}
	t.Logf("%d methods: %s", len(line.used), strings.Join(slices.Sorted(maps.Keys(line.used)), " "))
	for _, rare := range []string{
		"container.projects.locations.clusters.update", "container.projects.locations.clusters.nodePools.setAutoscaling", "cloudkms.projects.locations.keyRings.cryptoKeys.cryptoKeyVersions.create",
		"compute.forwardingRules.delete", "compute.disks.delete", "dns.changes.create", "serviceusage.services.batchEnable",
	} {
		if !line.used[rare] {
			t.Errorf("%s was not called", rare)
		}
	}
}

// closed is a cluster that is reached from inside only.
func closed(ctx context.Context, transport http.RoundTripper) error {
	wanted := target(transport)
	wanted.Cluster.Provider.Endpoint.Private = true
	return upOf(ctx, wanted)
}

// limited is a cluster that is reached from some addresses only.
func limited(ctx context.Context, transport http.RoundTripper) error {
	wanted := target(transport)
	wanted.Cluster.Provider.Endpoint.CIDRs = []string{"203.0.113.0/24"}
	return upOf(ctx, wanted)
}

// grown is a newer version, and more nodes.
func grown(ctx context.Context, transport http.RoundTripper) error {
	wanted := target(transport)
	wanted.Cluster.Kubernetes, wanted.Amounts.Nodes = "1.36", 9
	w, err := openTarget(ctx, wanted)
	if err != nil {
		return err
	}
	if check := w.checkUpgrade(ctx); check.Problem != "" || check.Detail != "1.35 → 1.36" {
		return fmt.Errorf("the upgrade: %+v", check)
	}
	return w.up(ctx)
}

func settledAt136(ctx context.Context, transport http.RoundTripper) error {
	wanted := target(transport)
	wanted.Cluster.Kubernetes, wanted.Amounts.Nodes = "1.36", 9
	w, err := openTarget(ctx, wanted)
	if err != nil {
		return err
	}
	plan, err := w.graph.Plan(ctx, w.options())
	if err == nil && plan.Differs() {
		err = fmt.Errorf("plan still has something to do: %+v", plan)
	}
	return err
}

// looks is all that changes nothing.
func looks(ctx context.Context, transport http.RoundTripper) error {
	w, err := open(ctx, transport)
	if err != nil {
		return err
	}
	for _, check := range w.Preflight(ctx) {
		if check.Problem != "" && !check.Warning {
			err = errors.Join(err, errors.New(check.Problem))
		}
	}
	_, leftErr := w.Leftovers(ctx)
	return errors.Join(err, leftErr)
}

// TestErrorsAreToldApart takes errors in the forms in which Google sends them.
func TestErrorsAreToldApart(t *testing.T) {
	c := &cloud{}
	older := func(status int, reason, message string) error {
		return answered(status, message, fmt.Sprintf(`{"error":{"code":%d,"message":%q,"errors":[{"message":%q,"domain":"global","reason":%q}]}}`, status, message, message, reason))
	}
	newer := func(status int, name, reason, message string) error {
		return answered(status, message, fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":%q}]}}`,
			status, message, name, reason))
	}
	for name, test := range map[string]struct {
		err   error
		class engine.Class
		hint  string
	}{
		"too many calls":                {older(403, "rateLimitExceeded", "Rate Limit Exceeded"), engine.Throttled, ""},
		"too many calls, newer":         {newer(429, "RESOURCE_EXHAUSTED", "RATE_LIMIT_EXCEEDED", "Quota exceeded for quota metric"), engine.Throttled, ""},
		"no answer":                     {errors.New("connection reset by peer"), engine.Uncertain, ""},
		"a server's failure":            {older(503, "backendError", "Backend Error"), engine.Uncertain, ""},
		"in use":                        {older(400, "resourceInUseByAnotherResource", "is already being used by"), engine.Blocked, ""},
		"in use, later":                 {&failedError{"RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "is already being used by"}, engine.Blocked, ""},
		"busy":                          {newer(400, "FAILED_PRECONDITION", "", "Cluster is running incompatible operation operation-1."), engine.Blocked, ""},
		"there is one":                  {older(409, "alreadyExists", "The resource already exists"), engine.Exists, ""},
		"there is one, newer":           {newer(409, "ALREADY_EXISTS", "", "Resource already exists in the project"), engine.Exists, ""},
		"there is none":                 {older(404, "notFound", "The resource was not found"), engine.Gone, ""},
		"an API is off":                 {older(403, "accessNotConfigured", "has not been used in project"), engine.Gone, ""},
		"an API is off, newer":          {newer(403, "PERMISSION_DENIED", "SERVICE_DISABLED", "has not been used in project"), engine.Gone, ""},
		"a pool that comes later":       {newer(400, "INVALID_ARGUMENT", "", "Identity Pool does not exist (p.svc.id.goog)."), engine.NotYet, ""},
		"an account that comes later":   {newer(400, "INVALID_ARGUMENT", "", "Service account x does not exist."), engine.NotYet, ""},
		"a right":                       {older(403, "forbidden", "Required 'compute.networks.create' permission"), engine.Refused, hintDenied},
		"a right, newer":                {newer(403, "PERMISSION_DENIED", "IAM_PERMISSION_DENIED", "Permission denied"), engine.Refused, hintDenied},
		"a quota":                       {older(403, "quotaExceeded", "Quota 'NETWORKS' exceeded."), engine.Refused, hintQuota},
		"a quota, later":                {&failedError{"QUOTA_EXCEEDED", "Quota 'N2_CPUS' exceeded."}, engine.Refused, hintQuota},
		"a quota of GKE":                {newer(403, "PERMISSION_DENIED", "", "Insufficient regional quota to satisfy request: resource \"SSD_TOTAL_GB\""), engine.Refused, hintQuota},
		"no machines":                   {&failedError{"ZONE_RESOURCE_POOL_EXHAUSTED", "The zone does not have enough resources available"}, engine.Refused, hintCapacity},
		"a policy":                      {older(412, "conditionNotMet", "Constraint constraints/compute.vmExternalIpAccess violated"), engine.Refused, "constraints/compute.vmExternalIpAccess"},
		"expired":                       {older(401, "authError", "Invalid Credentials"), engine.Refused, hintExpired},
		"no bill is paid":               {newer(403, "PERMISSION_DENIED", "BILLING_DISABLED", "This API method requires billing to be enabled."), engine.Refused, hintBilling},
		"nobody":                        {fmt.Errorf("%w: none", errNoCredentials), engine.Refused, hintCredentials},
		"a bucket's name that was ours": {older(409, "conflict", "The requested bucket name is not available."), engine.Blocked, ""},
		"anything else":                 {older(400, "invalid", "Invalid value for field"), engine.Refused, ""},
	} {
		verdict := c.Classify(fmt.Errorf("call: %w", test.err))
		if verdict.Class != test.class || !strings.Contains(verdict.Hint, test.hint) {
			t.Errorf("%s is class %d (%q), want %d", name, verdict.Class, verdict.Hint, test.class)
		}
	}
}

// answered is an error as the client makes it of an answer.
func answered(status int, _, body string) error {
	return googleapi.CheckResponseWithBody(&http.Response{StatusCode: status, Header: http.Header{}}, []byte(body))
}

// TestRightsAreNoMoreThanNeeded lists what each component may do, and where.
func TestRightsAreNoMoreThanNeeded(t *testing.T) {
	c := &cloud{Target: target(nil)}
	for _, use := range identity.Uses() {
		for _, g := range c.bucketGrants(use, "42") {
			shared := use == identity.Rules
			if g.role != roleObjects && g.role != roleList || shared && g.role == roleObjects && g.condition == "" {
				t.Errorf("%s: %+v", use, g)
			}
			if !strings.HasPrefix(g.member, "principal://iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/acme-observability.svc.id.goog/subject/ns/") {
				t.Errorf("%s: rights for %s", use, g.member)
			}
		}
	}
	var loki []string
	for _, g := range c.bucketGrants(identity.Rules, "42") {
		if strings.HasSuffix(g.member, "/sa/loki") && g.role == roleObjects {
			loki = append(loki, g.condition)
		}
	}
	if len(loki) != 1 || loki[0] != `resource.name.startsWith("projects/_/buckets/acme-rules/objects/loki/")` {
		t.Errorf("loki may use %v", loki)
	}
	c.Cluster.Provider.Identities = map[string]string{"loki": "loki@acme.iam.gserviceaccount.com"}
	if len(c.bucketGrants(identity.Logs, "42")) != 0 {
		t.Error("a component with an identity of the user's own is given rights")
	}
}

// TestNamesAreTheRenderers: what external-dns is told to write is what down looks for. The owner below is a rendered one.
func TestNamesAreTheRenderers(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "bases", "external-dns", "chart.jsonnet"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"txtOwnerId: cluster.name + '-' + std.substr(std.sha256(cluster.domain), 0, 8)", "txtPrefix: '%{record_type}-edns.'", "'txt-wildcard-replacement': 'wildcard'",
	} {
		if !strings.Contains(string(data), line) {
			t.Errorf("external-dns is told something else than %s: zone.go must follow", line)
		}
	}
	if owner := provider.RecordsOwner("example-gcp", "obs-gcp.example.com"); owner != "example-gcp-7c07b484" {
		t.Errorf("the owner is %s", owner)
	}
}

func TestLabelsAndDescriptionsKeepTags(t *testing.T) {
	g := engine.NewGraph("prod", "1.0.0")
	for _, name := range []string{"buckets/metrics", "cluster/nodes-europe-west3-a", "network/vpc"} {
		want := g.Tags(name)
		if have := tags(labels(want)); have[engine.TagCluster] != "prod" || have[engine.TagName] != name {
			t.Errorf("labels: %v", have)
		}
		if have := described(description(want) + " and words of a person"); !maps.Equal(have, want) {
			t.Errorf("description: %v", have)
		}
	}
	if tags(map[string]string{"owner": "somebody"}) != nil {
		t.Error("another's labels are taken for ours")
	}
}

// TestPoliciesOfOthersStay: what is not ours in a policy is written back as it was read.
func TestPoliciesOfOthersStay(t *testing.T) {
	var have policy
	text := `{"version":3,"etag":"1","bindings":[{"role":"roles/owner","members":["user:ada@example.com"]},` +
		`{"role":"roles/storage.objectUser","members":["deleted:serviceAccount:n@p?uid=7","serviceAccount:other@p"]},` +
		`{"role":"roles/viewer","members":["user:bob@example.com"],"condition":{"title":"until May","description":"a guest","expression":"request.time == x"}}],"auditConfigs":[{"service":"allServices"}]}`
	if err := json.Unmarshal([]byte(text), &have); err != nil {
		t.Fatal(err)
	}
	ours := []grant{{role: "roles/storage.objectUser", member: "serviceAccount:n@p"}}
	with := have.with(ours)
	if !with.has(ours[0]) || strings.Contains(fmt.Sprint(with), "deleted:") {
		t.Errorf("%+v", with)
	}
	written, err := json.Marshal(with.without(ours))
	if err != nil || string(written) != strings.Replace(text, `"deleted:serviceAccount:n@p?uid=7",`, "", 1) {
		t.Errorf("%s, %v", written, err)
	}
}

// TestKubeconfigNeedsNoTools: a token, the name at which Google asks for it, and no certificate but the public ones.
func TestKubeconfigNeedsNoTools(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		w, err := open(t.Context(), killtest.Direct(gcpfake.New(time.Second, time.Second)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.kubeconfig(t.Context()); !errors.Is(err, engine.ErrMissing) {
			t.Errorf("without a cluster: %v", err)
		}
		if _, err := w.graph.Up(t.Context(), w.options()); err != nil {
			t.Fatal(err)
		}
		config, err := w.kubeconfig(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if config.Clusters["prod"].Server != "https://gke-1a2b3c-415104041262.europe-west3.gke.goog" || len(config.Clusters["prod"].CertificateAuthorityData) > 0 ||
			!strings.HasPrefix(config.AuthInfos["prod"].Token, "ya29.") || config.AuthInfos["prod"].Exec != nil {
			t.Errorf("%+v", config)
		}
		clients, err := w.restConfig(t.Context())
		if err != nil || clients.Host != config.Clusters["prod"].Server {
			t.Errorf("%+v, %v", clients, err)
		}
	})
}

// TestEverythingThatCostsHasAPrice fails when a plan would leave something out of its sum.
func TestEverythingThatCostsHasAPrice(t *testing.T) {
	credentialsOf(t)
	w, err := open(t.Context(), killtest.Direct(gcpfake.New(controlPlaneTime, nodesTime)))
	if err != nil {
		t.Fatal(err)
	}
	prices, err := price.Standard()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := w.graph.Plan(t.Context(), w.options())
	if err != nil {
		t.Fatal(err)
	}
	var month float64
	for _, step := range plan {
		cost, unknown := prices.Sum(step.Uses, "europe-west3")
		if len(unknown) > 0 {
			t.Errorf("%s uses what has no price: %v", step.Resource, unknown)
		}
		month += cost
	}
	// Six machines are most of it.
	if nodes := 6 * price.HoursPerMonth * prices.Items["gcp/"+nodeType].Regions["europe-west3"]; month < nodes || month > 1.4*nodes {
		t.Errorf("a month costs %.0f, of which nodes are %.0f", month, nodes)
	}
}

// TestDocumentedWords: every state, metric and code that an answer is compared with is one that Google's documents list.
func TestDocumentedWords(t *testing.T) {
	documents := readDiscovery(t)
	for _, test := range []struct{ host, schema, field, words string }{
		{"container.googleapis.com", "Cluster", "status", "RUNNING DEGRADED STOPPING ERROR"},
		{"container.googleapis.com", "NodePool", "status", "RUNNING STOPPING ERROR"},
		{"container.googleapis.com", "Operation", "status", "DONE"},
		{"container.googleapis.com", "ReleaseChannelConfig", "channel", "REGULAR"},
		{"container.googleapis.com", "StatusCondition", "code", "GCE_STOCKOUT GCE_QUOTA_EXCEEDED"},
		{
			"container.googleapis.com", "StatusCondition", "canonicalCode", "INVALID_ARGUMENT NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED " +
				"FAILED_PRECONDITION ABORTED INTERNAL UNAVAILABLE UNAUTHENTICATED UNKNOWN DEADLINE_EXCEEDED CANCELLED",
		},
		{"compute.googleapis.com", "Operation", "status", "DONE"},
		{"compute.googleapis.com", "Zone", "status", "UP"},
		{"compute.googleapis.com", "Quota", "metric", "N2_CPUS CPUS INSTANCES SSD_TOTAL_GB IN_USE_ADDRESSES"},
		{"cloudkms.googleapis.com", "CryptoKeyVersion", "state", versionEnabled + " " + versionGenerating + " DISABLED"},
		{"cloudresourcemanager.googleapis.com", "Project", "state", "ACTIVE"},
		{"serviceusage.googleapis.com", "GoogleApiServiceusageV1Service", "state", "ENABLED"},
		{"dns.googleapis.com", "ManagedZone", "visibility", "public private"},
	} {
		s := documents[test.host].Schemas[test.schema]
		if s == nil || s.Properties[test.field] == nil {
			t.Errorf("%s has no %s.%s", test.host, test.schema, test.field)
			continue
		}
		for word := range strings.FieldsSeq(test.words) {
			if !slices.Contains(s.Properties[test.field].Enum, word) {
				t.Errorf("%s.%s is never %s, but one of %v", test.schema, test.field, word, s.Properties[test.field].Enum)
			}
		}
	}
}
