package render

import (
	"slices"
	"testing"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/repository"
)

// A private repository and a storage with keys need Secrets that no base makes; the checks must not miss them.
func TestSecretsOfClusterYAMLArePromised(t *testing.T) {
	c := &cluster.Cluster{Source: cluster.Source{Secret: "git", VerifySecret: "keys"}}
	c.Provider.Storage.Secret = "s3"
	c.Login = &cluster.Login{ClientSecret: "oidc", CA: "authority"}
	got := (&plan{Cluster: repository.Cluster{Cluster: c}}).promised()
	want := []string{"Secret/flux-system/git", "Secret/flux-system/keys", "Secret/cortex/s3", "Secret/loki/s3", "Secret/proxy/oidc", "ConfigMap/proxy/authority"}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
