package aws

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

// TestRolesThatAreKnownLate: EKS refuses a role that IAM has made some minutes ago, and takes it then. One that it never
// takes is told in EKS' own words, and not waited for for ever.
func TestRolesThatAreKnownLate(t *testing.T) {
	credentials(t)
	for name, test := range map[string]struct {
		lag  time.Duration
		says string
	}{
		"after minutes": {5 * time.Minute, ""},
		"never":         {24 * time.Hour, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := awsfake.New(20*time.Second, 10*time.Second)
				cloud.RoleLag = test.lag
				line, began := killtest.Direct(cloud), time.Now()
				err := up(t.Context(), line)
				if (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("it says: %v", err)
				}
				if took := time.Since(began); took > 15*time.Minute {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}
