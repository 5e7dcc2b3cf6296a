package gcp

import (
	"errors"
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/gcp/gcpfake"
)

// everyRead kills at calls that only read, too, each of which leaves what the last write left: `go test ./bootstrap/gcp -args -all`.
var everyRead = flag.Bool("all", false, "kill at calls that change nothing, too")

func TestUpKilledAtEveryCall(t *testing.T) {
	credentialsOf(t)
	killtest.Test{New: fresh, Run: up, After: settled, All: *everyRead}.EveryCall(t)
}

func TestDownKilledAtEveryCall(t *testing.T) {
	credentialsOf(t)
	killtest.Test{New: fresh, Before: up, Run: down(false), All: *everyRead}.EveryCall(t)
}

func TestDownWithDataKilledAtEveryCall(t *testing.T) {
	credentialsOf(t)
	killtest.Test{New: fresh, Before: up, Run: down(true), All: *everyRead}.EveryCall(t)
}

// quick is a project without delays worth waiting for.
func quick() *gcpfake.Cloud { return gcpfake.New(20*time.Second, 10*time.Second) }

// TestForeignIsNeverTouched puts something of somebody else where each name would be.
func TestForeignIsNeverTouched(t *testing.T) {
	credentialsOf(t)
	const project, location = "projects/acme-observability", "projects/acme-observability/locations/europe-west3"
	theirs := map[string]any{"owner": "somebody"}
	another := map[string]any{labelCluster: "product", labelName: "buckets_metrics"}
	for name, item := range map[string]gcpfake.Item{
		"bucket of another project":   {Kind: "buckets", ID: "acme-logs", Foreign: true},
		"bucket without our labels":   {Kind: "buckets", ID: "acme-logs", Body: map[string]any{"labels": theirs}},
		"bucket that holds the lease": {Kind: "buckets", ID: "acme-rules", Body: map[string]any{"labels": theirs}},
		"bucket of another cluster":   {Kind: "buckets", ID: "acme-metrics", Body: map[string]any{"labels": another}},
		"network":                     {Kind: "networks", ID: project + "/global/networks/opsgen-prod", Body: map[string]any{"description": "the office"}},
		"network of another cluster": {Kind: "networks", ID: project + "/global/networks/opsgen-prod", Body: map[string]any{
			"description": "opsgen.io/cluster=product opsgen.io/name=network/vpc",
		}},
		"router": {Kind: "routers", ID: project + "/regions/europe-west3/routers/opsgen-prod", Body: map[string]any{"name": "opsgen-prod"}},
		"service account": {Kind: "serviceAccounts", ID: project + "/serviceAccounts/opsgen-prod-nodes@acme-observability.iam.gserviceaccount.com", Body: map[string]any{
			"email": "opsgen-prod-nodes@acme-observability.iam.gserviceaccount.com",
		}},
		"cluster": {Kind: "clusters", ID: location + "/clusters/prod", Body: map[string]any{"resourceLabels": theirs, "currentMasterVersion": "1.30.1-gke.1"}},
		"zone": {Kind: "managedZones", ID: project + "/managedZones/opsgen-prod", Body: map[string]any{
			"name": "opsgen-prod", "dnsName": "obs.example.com.", "labels": another,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				cloud.Put(item)
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); !errors.Is(err, engine.ErrForeign) {
					t.Errorf("up: %v", err)
				}
				// The lease's bucket refuses this one, too.
				if err := down(true)(t.Context(), line); err != nil && !errors.Is(err, engine.ErrForeign) {
					t.Errorf("down: %v", err)
				}
				if have := cloud.Body(item.ID); have == nil && !item.Foreign || !reflect.DeepEqual(have, item.Body) {
					t.Errorf("it was changed or deleted: %v", have)
				}
				if item.Kind == "buckets" && !strings.Contains(cloud.Snapshot(), "object "+item.ID+"/precious") {
					t.Error("what was in it is gone")
				}
			})
		})
	}
}

// TestRefusalsSayWhatToDoAndUpGoesOn refuses one call, and lifts that.
func TestRefusalsSayWhatToDoAndUpGoesOn(t *testing.T) {
	credentialsOf(t)
	for name, test := range map[string]struct{ call, code, says string }{
		"expired credentials":     {"container:clusters.create", "UNAUTHENTICATED", "credentials have expired"},
		"a right is missing":      {"iam:serviceAccounts.create", "IAM_PERMISSION_DENIED", "Ask for the right"},
		"a quota":                 {"compute:networks.insert", "quotaExceeded", "Ask for a higher quota"},
		"a policy, compute":       {"compute:networks.insert", "constraints/compute.skipDefaultNetworkCreation", "The policy is constraints/compute.skipDefaultNetworkCreation"},
		"a policy, locations":     {"storage:buckets.insert", "constraints/gcp.resourceLocations", "The policy is constraints/gcp.resourceLocations"},
		"a policy, members":       {"dns:managedZones.setIamPolicy", "constraints/iam.allowedPolicyMemberDomains", "The policy is constraints/iam"},
		"a policy on the project": {"cloudresourcemanager:projects.setIamPolicy", "constraints/iam.allowedPolicyMemberDomains", "The policy is constraints/iam"},
		"no billing":              {"cloudkms:keyRings.create", "BILLING_DISABLED", "billing account"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				cloud.Refuse[test.call] = test.code
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("it says: %v", err)
				}
				delete(cloud.Refuse, test.call)
				if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
					t.Errorf("run again: %v", err)
				}
			})
		})
	}
}

// TestOperationsThatFailLater: Compute Engine takes a call, and refuses it a minute later.
func TestOperationsThatFailLater(t *testing.T) {
	credentialsOf(t)
	for call, test := range map[string]struct{ code, says string }{
		"compute:networks.insert":    {"QUOTA_EXCEEDED", "Ask for a higher quota"},
		"compute:subnetworks.insert": {"PERMISSIONS_ERROR", "The operation ended with"},
		"compute:routers.insert":     {"QUOTA_EXCEEDED", "Ask for a higher quota"},
	} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				cloud.FailLater[call] = test.code
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("it says: %v", err)
				}
				delete(cloud.FailLater, call)
				if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
					t.Errorf("run again: %v", err)
				}
			})
		})
	}
}

// TestTokensThatExpire: a long run outlives its token, and a key that was revoked in the middle is told as such.
func TestTokensThatExpire(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := gcpfake.New(80*time.Minute, time.Minute)
		w, err := open(t.Context(), killtest.Direct(cloud))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(time.Minute)
			cloud.Set(func(c *gcpfake.Cloud) { c.Expired = true })
		}()
		if err := w.up(t.Context()); err == nil || !strings.Contains(err.Error(), "credentials have expired") {
			t.Errorf("it says: %v", err)
		}
		cloud.Set(func(c *gcpfake.Cloud) { c.Expired, c.Refuse["oauth2:token"] = false, "invalid_grant" })
		if err := up(t.Context(), killtest.Direct(cloud)); err == nil || !strings.Contains(err.Error(), "credentials have expired") {
			t.Errorf("it says: %v", err)
		}
	})
}

// TestZoneWithoutCapacity: GKE tells it at the pool, or of the whole cluster.
func TestZoneWithoutCapacity(t *testing.T) {
	credentialsOf(t)
	for name, spoil := range map[string]func(c *gcpfake.Cloud, broken bool){
		"the pool":    func(c *gcpfake.Cloud, broken bool) { c.Broken["europe-west3-b"] = broken },
		"the cluster": func(c *gcpfake.Cloud, broken bool) { c.BrokenCluster = broken },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				spoil(cloud, true)
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); err == nil || !strings.Contains(err.Error(), "GCE_STOCKOUT") {
					t.Errorf("it says: %v", err)
				}
				spoil(cloud, false)
				if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
					t.Errorf("run again: %v", err)
				}
			})
		})
	}
}

// TestDownOfAHalfMadeCluster: what a run that failed has made must be as easy to remove as a whole cluster.
func TestDownOfAHalfMadeCluster(t *testing.T) {
	credentialsOf(t)
	for _, call := range []string{
		"compute:subnetworks.insert", "compute:routers.insert", "cloudresourcemanager:projects.setIamPolicy", "cloudkms:cryptoKeys.create",
		"cloudkms:cryptoKeys.setIamPolicy", "container:clusters.create", "dns:managedZones.setIamPolicy",
	} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				cloud.Refuse[call] = "PERMISSION_DENIED"
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); err == nil {
					t.Fatal("up did not fail")
				}
				if err := down(true)(t.Context(), line); err != nil && !strings.Contains(call, "setIamPolicy") {
					t.Fatal(err)
				}
				delete(cloud.Refuse, call)
				if err := down(true)(t.Context(), line); err != nil {
					t.Fatal(err)
				}
				for _, kind := range kinds() {
					if have := cloud.Count(kind); have > 0 && !stays(kind) {
						t.Errorf("%d of %s are left", have, kind)
					}
				}
			})
		})
	}
}

// TestUpgradeGoesZoneByZone: first the control plane, then one zone's nodes after the other; and never two versions at once.
func TestUpgradeGoesZoneByZone(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := quick()
		if err := up(t.Context(), killtest.Direct(cloud)); err != nil {
			t.Fatal(err)
		}
		begun := len(cloud.Calls())
		for version, says := range map[string]string{"1.34": "cannot go back", "1.37": "one minor version at a time"} {
			if err := upTo(t, cloud, version); err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v", version, err)
			}
		}
		if err := upTo(t, cloud, "1.36"); err != nil {
			t.Fatal(err)
		}
		var writes []string
		for _, call := range cloud.Calls()[begun:] {
			if strings.HasSuffix(call, ".update") {
				writes = append(writes, call)
			}
		}
		if strings.Join(writes, " ") != "container:clusters.update container:nodePools.update container:nodePools.update container:nodePools.update" {
			t.Error(writes)
		}
	})
}

func upTo(t *testing.T, cloud *gcpfake.Cloud, version string) error {
	t.Helper()
	wanted := target(killtest.Direct(cloud))
	wanted.Cluster.Kubernetes = version
	w, err := openTarget(t.Context(), wanted)
	if err != nil {
		return err
	}
	return w.up(t.Context())
}

// TestWhatHasRunIsNotDeletedByUp: what GKE calls an error later is a person's to decide on.
func TestWhatHasRunIsNotDeletedByUp(t *testing.T) {
	credentialsOf(t)
	for what, says := range map[string]string{"": "GKE says of the cluster: ERROR", "/nodePools/europe-west3-b": "GKE says of the pool europe-west3-b: ERROR: GCE_STOCKOUT"} {
		t.Run(says, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); err != nil {
					t.Fatal(err)
				}
				time.Sleep(24 * time.Hour)
				cloud.Break("projects/acme-observability/locations/europe-west3/clusters/prod" + what)
				if err := up(t.Context(), line); err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("it says: %v", err)
				}
				if calls := cloud.Calls(); slices.Contains(calls, "container:clusters.delete") || slices.Contains(calls, "container:nodePools.delete") {
					t.Error("it was deleted")
				}
				if err := errors.Join(down(false)(t.Context(), line), up(t.Context(), line), settled(t.Context(), line)); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestOthersInTheNetworkAreNamedAndStay: a rule that a person made keeps the network, and a balancer of another cluster that
// is named like ours is not ours.
func TestOthersInTheNetworkAreNamedAndStay(t *testing.T) {
	credentialsOf(t)
	const project = "projects/acme-observability"
	synctest.Test(t, func(t *testing.T) {
		cloud := quick()
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		theirs := []gcpfake.Item{
			{Kind: "firewalls", ID: project + "/global/firewalls/gke-prod-eu-1a2b3c4d-all", Body: map[string]any{
				"name": "gke-prod-eu-1a2b3c4d-all", "network": project + "/global/networks/opsgen-prod",
			}},
			{Kind: "forwardingRules", ID: project + "/regions/europe-west3/forwardingRules/k8s2-tcp-zzzz9999-proxy-front-door-x1y2z3", Body: map[string]any{
				"name": "k8s2-tcp-zzzz9999-proxy-front-door-x1y2z3",
			}},
			{Kind: "disks", ID: project + "/zones/europe-west3-a/disks/pvc-9999", Body: map[string]any{
				"name": "pvc-9999", "labels": map[string]any{"goog-gke-volume": "", "goog-k8s-cluster-name": "prod-eu", "goog-k8s-cluster-location": "europe-west3"},
			}},
		}
		for _, item := range theirs {
			cloud.Put(item)
		}
		if err := down(true)(t.Context(), line); err == nil || !strings.Contains(err.Error(), "gke-prod-eu-1a2b3c4d-all") {
			t.Errorf("down says: %v", err)
		}
		for _, item := range theirs {
			if !reflect.DeepEqual(cloud.Body(item.ID), item.Body) {
				t.Errorf("%s was changed or deleted", item.ID)
			}
		}
	})
}

// TestGoogleTakesItsTime: rights and accounts that are known only after minutes are waited for, and one that never is ends the
// run with Google's words.
func TestGoogleTakesItsTime(t *testing.T) {
	credentialsOf(t)
	for name, test := range map[string]struct {
		lag  time.Duration
		says string
	}{
		"minutes": {6 * time.Minute, ""},
		"never":   {24 * time.Hour, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				cloud.RightsLag = test.lag
				began := time.Now()
				err := up(t.Context(), killtest.Direct(cloud))
				if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Errorf("it says: %v", err)
				}
				if time.Since(began) > 30*time.Minute {
					t.Errorf("it took %s", time.Since(began))
				}
			})
		})
	}
}
