package aws

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/generator/cluster"
)

// TestLeaseThatCannotBeHad says where it is, why, and what to do.
func TestLeaseThatCannotBeHad(t *testing.T) {
	credentials(t)
	theirs := func(c *cluster.Cluster) { c.Provider.Storage.Given = true }
	for name, test := range map[string]struct {
		spoil func(*awsfake.Cloud)
		edit  func(*cluster.Cluster)
		says  []string
	}{
		"expired credentials": {func(c *awsfake.Cloud) { c.Refuse["s3:GetObject"] = "ExpiredToken" }, at("1.35"), []string{"s3://acme-rules/", "The credentials have expired"}},
		"no right to write":   {func(c *awsfake.Cloud) { c.Refuse["s3:CreateBucket"] = "AccessDenied" }, at("1.35"), []string{"s3://acme-rules/", "Ask for the right"}},
		"a bucket of another": {func(c *awsfake.Cloud) {
			c.Put(awsfake.Item{Kind: "bucket", ID: "acme-rules", Tags: map[string]string{"owner": "somebody"}})
		}, at("1.35"), []string{"s3://acme-rules/", "Choose another name"}},
		"no bucket of yours": {func(*awsfake.Cloud) {}, theirs, []string{"there is no bucket acme-rules", "provider.storage.given"}},
		"something else": {func(c *awsfake.Cloud) {
			c.Put(awsfake.Item{Kind: "bucket", ID: "acme-rules"})
			c.PutObject("acme-rules", "opsgen-lease.json", "hello")
		}, theirs, []string{"it is not what bootstrap writes", "Delete it"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := awsfake.New(20*time.Second, 10*time.Second)
				test.spoil(cloud)
				err := upWith(test.edit)(t.Context(), killtest.Direct(cloud))
				for _, words := range test.says {
					if err == nil || !strings.Contains(err.Error(), words) {
						t.Errorf("it says %v, want %q", err, words)
					}
				}
			})
		})
	}
}
