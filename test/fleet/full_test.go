package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/opsgen/opsgen/test/bed"
)

func TestMain(m *testing.M) {
	bed.Internal()
	os.Exit(m.Run())
}

// TestExampleOnAWS is example-aws in full size.
func TestExampleOnAWS(t *testing.T) {
	f := Begin(t, "fleet-aws", "example-aws", 24, "")
	f.Install()
	f.Step("quiet", 5*time.Minute, f.quiet)
	f.Step("zones", 10*time.Minute, f.upgradeZones)
	f.Step("broken", 10*time.Minute, f.breakZones)
}

// TestExampleOnGoogleCloud is example-gcp in full size.
func TestExampleOnGoogleCloud(t *testing.T) {
	f := Begin(t, "fleet-gcp", "example-gcp", 9, "")
	f.Install()
	f.Step("quiet", 5*time.Minute, f.quiet)
}

// TestManyTenants is example-aws with more and more of them. It judges whether what they cost is linear, and that a change of
// one writes the same objects among few and many; the times are for people.
func TestManyTenants(t *testing.T) {
	f := Begin(t, "fleet-many", "example-aws", 24, "")
	f.Install()
	var rows []row
	for _, tenants := range []int{0, 50, 100, 200} {
		f.Step(fmt.Sprintf("%d more", tenants), 45*time.Minute, func(ctx context.Context) (string, error) {
			r, err := f.grow(ctx, tenants)
			rows = append(rows, r)
			return fmt.Sprintf("%d objects; %d written for one tenant, %d reconciliations", r.objects, len(r.written), r.reconciled), err
		})
	}
	fmt.Fprint(os.Stderr, table(rows))
	if err := errors.Join(linear(rows), independent(rows)); err != nil {
		t.Error(err)
	}
}
