package fleet

import (
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
