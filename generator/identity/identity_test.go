package identity_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/identity"
	"github.com/opsgen/opsgen/generator/repository"
)

// rendered is what a golden test of package render proves to be what opsgen writes.
var rendered = filepath.Join("..", "render", "testdata", "golden")

// text is one unit of a rendered example, with all files whose names begin so (zones).
func text(t *testing.T, cluster, unit string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(rendered, cluster, unit+"*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s/%s was not rendered", cluster, unit)
	}
	var all strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}

// TestServiceAccountsAreThoseOfTheRenderer fails when a role would be given to a service account that nothing runs as.
func TestServiceAccountsAreThoseOfTheRenderer(t *testing.T) {
	units := map[string]string{
		"cortex": "platform/cortex", "loki": "platform/loki", "cert-manager": "controllers/cert-manager", "external-dns": "controllers/external-dns",
		"cluster-autoscaler": "controllers/cluster-autoscaler",
	}
	for _, provider := range []string{"aws", "gcp"} {
		cluster := "example-" + provider
		for _, a := range identity.Accounts(provider) {
			manifests := text(t, cluster, units[a.Component])
			ours := regexp.MustCompile(`kind: ServiceAccount\nmetadata:\n(  .*\n)*  name: ` + a.Name + `\n  namespace: ` + a.Namespace + `\n`)
			theirs := "# ServiceAccount " + a.Namespace + "/" + a.Name + " "
			if !ours.MatchString(manifests) && !strings.Contains(manifests, theirs) {
				t.Errorf("%s: nothing renders the service account %s of %s", cluster, a.Subject(), a.Component)
			}
			if !strings.Contains(manifests, "serviceAccountName: "+a.Name+"\n") && !strings.Contains(manifests, theirs) {
				t.Errorf("%s: no pod runs as %s", cluster, a.Subject())
			}
		}
	}
}

// TestBucketsAreThoseOfTheRenderer fails when a component would be told of a bucket that it has no rights on.
func TestBucketsAreThoseOfTheRenderer(t *testing.T) {
	repo, err := repository.Load(filepath.Join("..", ".."), []string{"example-aws", "example-gcp"})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`bucket_name: "?([a-z0-9-]+)"?`)
	for _, c := range repo.Clusters {
		names := map[identity.Use]string{
			identity.Metrics: c.Provider.Storage.Metrics, identity.Logs: c.Provider.Storage.Logs, identity.Rules: c.Provider.Storage.Rules,
		}
		for _, a := range identity.Accounts(c.Provider.Name) {
			granted := map[string]bool{}
			for _, grant := range a.Buckets {
				granted[names[grant.Use]] = false
			}
			if len(granted) == 0 {
				continue
			}
			for _, found := range named.FindAllStringSubmatch(text(t, c.Name, "platform/"+a.Component), -1) {
				if _, ok := granted[found[1]]; !ok {
					t.Errorf("%s: %s is told of the bucket %s, and has no rights on it", c.Name, a.Component, found[1])
				}
				granted[found[1]] = true
			}
			for bucket, used := range granted {
				if !used {
					t.Errorf("%s: %s has rights on the bucket %s, and does not use it", c.Name, a.Component, bucket)
				}
			}
		}
	}
}

func TestDefaultBucketsAreTheOnesOfClusterYAML(t *testing.T) {
	repo, err := repository.Load(filepath.Join("..", ".."), []string{"example-local"})
	if err != nil {
		t.Fatal(err)
	}
	storage := repo.Clusters[0].Provider.Storage
	for use, name := range map[identity.Use]string{identity.Metrics: storage.Metrics, identity.Logs: storage.Logs, identity.Rules: storage.Rules} {
		if want := identity.Bucket("example-local", use); name != want {
			t.Errorf("the bucket for %s is %s, want %s", use, name, want)
		}
	}
}

func TestNamesFitTheirClouds(t *testing.T) {
	long := strings.Repeat("very-long-", 3)
	role, account := identity.Role(long, "cluster-autoscaler-and-more-and-more"), identity.GoogleAccount(long, "nodes")
	if len(role) > 64 || len(account) > 30 || strings.Contains(account, "--") {
		t.Errorf("%q, %q", role, account)
	}
	if identity.GoogleAccount(long, "nodes") == identity.GoogleAccount(long, "other") {
		t.Error("two accounts share a name")
	}
	if identity.Role("prod", "cortex") != "opsgen-prod-cortex" {
		t.Error(identity.Role("prod", "cortex"))
	}
	member := identity.GoogleMember("42", "acme", identity.Accounts("gcp")[0])
	if member != "principal://iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/acme.svc.id.goog/subject/ns/cortex/sa/cortex" {
		t.Error(member)
	}
}
