package gcp

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/gcp/gcpfake"
)

// kinds are those that the fake knows and bootstrap or Kubernetes makes.
func kinds() []string {
	return []string{
		"networks", "subnetworks", "routers", "firewalls", "forwardingRules", "backendServices", "healthChecks", "networkEndpointGroups", "disks",
		"serviceAccounts", "keyRings", "cryptoKeys", "clusters", "nodePools", "buckets", "managedZones",
	}
}

// stays are what Google never deletes.
func stays(kind string) bool { return kind == "keyRings" || kind == "cryptoKeys" }

func TestUpMakesEverythingOnce(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := gcpfake.New(controlPlaneTime, nodesTime)
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{
			"networks": 1, "subnetworks": 1, "routers": 1, "serviceAccounts": 1, "keyRings": 1, "cryptoKeys": 1, "clusters": 1, "nodePools": 3,
			"buckets": 3, "managedZones": 1, "firewalls": 3, "forwardingRules": 1, "backendServices": 1, "healthChecks": 1, "networkEndpointGroups": 1, "disks": 1,
		}
		for _, kind := range kinds() {
			if have := cloud.Count(kind); have != want[kind] {
				t.Errorf("%d of %s, want %d", have, kind, want[kind])
			}
		}
		if err := settled(t.Context(), line); err != nil {
			t.Error(err)
		}
	})
}

// TestDownLeavesOnlyWhatItSays: what stays is data, and what Google keeps for ever.
func TestDownLeavesOnlyWhatItSays(t *testing.T) {
	credentialsOf(t)
	for name, test := range map[string]struct {
		deleteData bool
		left       map[string]int
	}{
		"data kept":    {false, map[string]int{"buckets": 3, "managedZones": 1, "disks": 1}},
		"data deleted": {true, map[string]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := gcpfake.New(controlPlaneTime, nodesTime)
				line := killtest.Direct(cloud)
				if err := errors.Join(up(t.Context(), line), down(test.deleteData)(t.Context(), line)); err != nil {
					t.Fatal(err)
				}
				sum := 1 // the key ring
				for _, kind := range kinds() {
					sum += test.left[kind]
					if have := cloud.Count(kind); have != test.left[kind] && !stays(kind) {
						t.Errorf("%d of %s are left, want %d", have, kind, test.left[kind])
					}
				}
				w, err := open(t.Context(), line)
				if err != nil {
					t.Fatal(err)
				}
				left, err := w.Leftovers(t.Context())
				if err != nil || len(left) != sum {
					t.Errorf("leftovers: %+v, %v", left, err)
				}
				if text := cloud.Snapshot(); strings.Contains(text, "deleted:") || strings.Contains(text, "roles/") {
					t.Errorf("rights are left:\n%s", text)
				}
				if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
					t.Errorf("up again: %v", err)
				}
			})
		})
	}
}

// TestRecordsOfOthersStay: external-dns' records of this cluster go with it, those of another cluster whose name begins in
// the same way do not.
func TestRecordsOfOthersStay(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := gcpfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		if text := cloud.Snapshot(); !strings.Contains(text, "*.obs.example.com.") {
			t.Fatal("Kubernetes has written no records")
		}
		if err := down(false)(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		text := cloud.Snapshot()
		if strings.Contains(text, "*.obs.example.com.") || strings.Contains(text, "a-edns.wildcard.") || !strings.Contains(text, `"a-edns.other.obs.example.com."`) {
			t.Error(text)
		}
	})
}

// TestCriticalPath fails when something is made one after the other that could be made side by side.
func TestCriticalPath(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := up(t.Context(), killtest.Direct(gcpfake.New(controlPlaneTime, nodesTime))); err != nil {
			t.Fatal(err)
		}
		took, most := time.Since(began), (controlPlaneTime+nodesTime)*105/100
		t.Logf("up took %s of at most %s", took, most)
		if took > most {
			t.Errorf("up took %s, more than %s", took, most)
		}
	})
}
