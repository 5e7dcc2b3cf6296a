package gcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/gcp/gcpfake"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/cluster"
)

const (
	ourProject  = "projects/acme-observability"
	ourLocation = ourProject + "/locations/europe-west3"
	theirKey    = ourLocation + "/keyRings/main/cryptoKeys/secrets"
)

// theirs are a network, a key and buckets of the user's.
func theirs(ranges ...any) []gcpfake.Item {
	network := ourProject + "/global/networks/main"
	items := []gcpfake.Item{
		{Kind: "networks", ID: network, Body: map[string]any{"name": "main"}},
		{Kind: "subnetworks", ID: ourProject + "/regions/europe-west3/subnetworks/clusters", Body: map[string]any{
			"name": "clusters", "network": "https://www.googleapis.com/compute/v1/" + network, "privateIpGoogleAccess": true, "secondaryIpRanges": ranges,
		}},
		{Kind: "cryptoKeys", ID: theirKey, Body: map[string]any{"primaryVersion": "1"}},
		{Kind: "cryptoKeyVersions", ID: theirKey + "/cryptoKeyVersions/1", Body: map[string]any{"name": theirKey + "/cryptoKeyVersions/1", "state": "ENABLED"}},
	}
	for _, bucket := range []string{"acme-metrics", "acme-logs", "acme-rules"} {
		items = append(items, gcpfake.Item{Kind: "buckets", ID: bucket, Body: map[string]any{
			"name": bucket, "iamConfiguration": map[string]any{"uniformBucketLevelAccess": map[string]any{"enabled": true}},
		}})
	}
	return items
}

func secondary(name string) any {
	return map[string]any{"rangeName": name, "ipCidrRange": "10.9.0.0/16"}
}

// given is a target that names them.
func given(line *gcpfake.Cloud) provider.Target {
	t := target(killtest.Direct(line))
	t.Cluster.Provider.Network = cluster.Network{ID: "main", Subnets: []string{"clusters"}}
	t.Cluster.Provider.Key, t.Cluster.Provider.Storage.Given = theirKey, true
	return t
}

func upOf(ctx context.Context, t provider.Target) error {
	w, err := openTarget(ctx, t)
	if err != nil {
		return err
	}
	if err := w.up(ctx); err != nil {
		return err
	}
	plan, err := w.graph.Plan(ctx, w.options())
	if err == nil && plan.Differs() {
		err = fmt.Errorf("plan still has something to do: %+v", plan)
	}
	return err
}

func downOf(ctx context.Context, t provider.Target) error {
	w, err := openTarget(ctx, t)
	if err != nil {
		return err
	}
	return w.hold(ctx, func(ctx context.Context) error {
		o := w.options()
		o.DeleteData = true
		_, err := w.graph.Down(ctx, o)
		return err
	})
}

// TestWhatIsTheUsersIsUsedAndLeft: nothing of it is made, changed or deleted, and rights on it go with the cluster.
func TestWhatIsTheUsersIsUsedAndLeft(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := quick()
		items := theirs(secondary("pods"), secondary("services"))
		for _, item := range items {
			cloud.Put(item)
		}
		if err := upOf(t.Context(), given(cloud)); err != nil {
			t.Fatal(err)
		}
		for kind, want := range map[string]int{"networks": 1, "subnetworks": 1, "routers": 0, "cryptoKeys": 1, "keyRings": 0, "buckets": 3, "clusters": 1, "nodePools": 3} {
			if have := cloud.Count(kind); have != want {
				t.Errorf("%d of %s, want %d", have, kind, want)
			}
		}
		if err := downOf(t.Context(), given(cloud)); err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			if !reflect.DeepEqual(cloud.Body(item.ID), item.Body) {
				t.Errorf("%s was changed or deleted", item.ID)
			}
		}
		text := cloud.Snapshot()
		if strings.Contains(text, "roles/") || !strings.Contains(text, "object acme-metrics/precious") || strings.Contains(text, "opsgen-lease.json") {
			t.Errorf("something is left, or gone:\n%s", text)
		}
	})
}

// TestWhatIsTheUsersAndDoesNotFit is told before anything is made in it.
func TestWhatIsTheUsersAndDoesNotFit(t *testing.T) {
	credentialsOf(t)
	for name, test := range map[string]struct {
		items []gcpfake.Item
		says  string
	}{
		"no ranges":  {theirs(secondary("pods")), "secondary ranges: pods → pods, services"},
		"no network": {theirs(secondary("pods"), secondary("services"))[2:], "there is none of that name"},
		"no bucket":  {theirs(secondary("pods"), secondary("services"))[:4], "there is no bucket acme-rules"},
		"no other":   {slices.Delete(theirs(secondary("pods"), secondary("services")), 4, 5), "buckets/metrics (acme-metrics): find: there is none of that name"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				for _, item := range test.items {
					cloud.Put(item)
				}
				if err := upOf(t.Context(), given(cloud)); err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("it says: %v", err)
				}
				if cloud.Count("clusters") > 0 && name != "no other" {
					t.Error("a cluster was made")
				}
			})
		})
	}
}

// TestTheEndpointMayChange: at any time, and whoever asks for a kubeconfig is given the way that is open.
func TestTheEndpointMayChange(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := quick()
		office, vpn := "203.0.113.0/24", "198.51.100.7/32"
		for _, test := range []struct {
			wanted        cluster.Endpoint
			server, plans string
			ca            bool
		}{
			{cluster.Endpoint{}, "https://gke-1a2b3c-415104041262.europe-west3.gke.goog", "", false},
			{cluster.Endpoint{Private: true}, "https://10.0.0.2", "endpoint: from everywhere → from its network", true},
			{cluster.Endpoint{CIDRs: []string{office, vpn}}, "https://198.51.100.200", "endpoint: from its network → from 198.51.100.7/32 203.0.113.0/24", true},
			{cluster.Endpoint{CIDRs: []string{vpn, office}}, "https://198.51.100.200", "", true},
			{cluster.Endpoint{CIDRs: []string{vpn}}, "https://198.51.100.200", "endpoint: from 198.51.100.7/32 203.0.113.0/24 → from 198.51.100.7/32", true},
			{cluster.Endpoint{}, "https://gke-1a2b3c-415104041262.europe-west3.gke.goog", "endpoint: from 198.51.100.7/32 → from everywhere", false},
		} {
			wanted := target(killtest.Direct(cloud))
			wanted.Cluster.Provider.Endpoint = test.wanted
			w, err := openTarget(t.Context(), wanted)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := w.graph.Plan(t.Context(), w.options())
			if err != nil {
				t.Fatal(err)
			}
			changes := ""
			for _, step := range plan {
				for _, change := range step.Changes {
					changes += change.String()
				}
			}
			if changes != test.plans {
				t.Errorf("the plan is %q, want %q", changes, test.plans)
			}
			if err := upOf(t.Context(), wanted); err != nil {
				t.Fatal(err)
			}
			if _, err := w.graph.Plan(t.Context(), w.options()); err != nil {
				t.Fatal(err)
			}
			config, err := w.kubeconfig(t.Context())
			if err != nil || config.Clusters["prod"].Server != test.server || len(config.Clusters["prod"].CertificateAuthorityData) > 0 != test.ca {
				t.Errorf("%+v: %+v, %v", test.wanted, config.Clusters["prod"], err)
			}
		}
	})
}

// TestAClusterStaysInItsNetwork: naming another network later is refused before anything else.
func TestAClusterStaysInItsNetwork(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := quick()
		if err := up(t.Context(), killtest.Direct(cloud)); err != nil {
			t.Fatal(err)
		}
		w, err := openTarget(t.Context(), given(cloud))
		if err != nil {
			t.Fatal(err)
		}
		if check := w.checkCluster(t.Context()); !strings.Contains(check.Problem, "cannot be moved to main") {
			t.Errorf("%+v", check)
		}
	})
}

// TestStoppedRunGoesOn: a run that is stopped ends with its cause, and the next one goes on.
func TestStoppedRunGoesOn(t *testing.T) {
	credentialsOf(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := quick()
		stopped := errors.New("stopped by a test")
		w, err := open(t.Context(), killtest.Direct(cloud))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancelCause(t.Context())
		o := w.options()
		o.Events = func(e engine.Event) {
			if e.Resource == "cluster/control-plane" && e.What == engine.Waiting {
				stop(stopped)
			}
		}
		if _, err := w.graph.Up(ctx, o); !errors.Is(err, stopped) {
			t.Errorf("it says: %v", err)
		}
		if err := errors.Join(up(t.Context(), killtest.Direct(cloud)), settled(t.Context(), killtest.Direct(cloud))); err != nil {
			t.Error(err)
		}
	})
}

// inZones is a target whose cluster.yaml lists some of the zones.
func inZones(transport http.RoundTripper, letters ...string) provider.Target {
	t := target(transport)
	t.Cluster.Provider.Zones = nil
	for _, letter := range letters {
		t.Cluster.Provider.Zones = append(t.Cluster.Provider.Zones, "europe-west3-"+letter)
	}
	return t
}

// TestNodesOfAZoneThatIsNotListedAnyMore: they go when no volume is there, and stay with the reason when one is; up does what
// plan says, and a pool that a person made is left alone.
func TestNodesOfAZoneThatIsNotListedAnyMore(t *testing.T) {
	credentialsOf(t)
	const pools = ourLocation + "/clusters/prod/nodePools/"
	for name, test := range map[string]struct {
		zones        []string
		action, says string
		left         int
	}{
		"empty":     {[]string{"a", "b"}, engine.ActionDelete, "europe-west3-c: no volume is there", 3},
		"not empty": {[]string{"b", "c"}, engine.ActionNone, "kept: europe-west3-a has 1 volume with 10 GiB. Pods that use these run nowhere else", 4},
		"both":      {[]string{"b"}, engine.ActionDelete, "europe-west3-c: no volume is there", 3},
		"back":      {[]string{"a", "b", "c"}, engine.ActionNone, "", 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				if err := up(t.Context(), killtest.Direct(cloud)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				cloud.Put(gcpfake.Item{Kind: "nodePools", ID: pools + "theirs", Body: map[string]any{"name": "theirs"}})
				wanted := inZones(killtest.Direct(cloud), test.zones...)
				w, err := openTarget(t.Context(), wanted)
				if err != nil {
					t.Fatal(err)
				}
				plan, err := w.graph.Plan(t.Context(), w.options())
				if err != nil {
					t.Fatal(err)
				}
				at := slices.IndexFunc(plan, func(step engine.Step) bool { return step.Resource == "cluster/nodes-elsewhere" })
				if plan[at].Action != test.action || !strings.HasPrefix(plan[at].Reason, test.says) {
					t.Errorf("the plan is %+v", plan[at])
				}
				if err := upOf(t.Context(), wanted); err != nil {
					t.Fatal(err)
				}
				if have := cloud.Count("nodePools"); have != test.left {
					t.Errorf("%d node pools, want %d", have, test.left)
				}
				if err := downOf(t.Context(), wanted); err != nil || cloud.Count("nodePools") > 0 {
					t.Errorf("down: %v, %d node pools are left", err, cloud.Count("nodePools"))
				}
			})
		})
	}
}

// TestRetiringNodesKilledAtEveryCall: a zone is taken out, and another put in.
func TestRetiringNodesKilledAtEveryCall(t *testing.T) {
	credentialsOf(t)
	run := func(letters ...string) killtest.Run {
		return func(ctx context.Context, transport http.RoundTripper) error {
			return upOf(ctx, inZones(transport, letters...))
		}
	}
	killtest.Test{New: fresh, Before: run("a", "b"), Run: run("a", "c")}.EveryCall(t)
}

// TestOnlyOurBalancersAreSweptFromANetworkOfTheUsers: what another cluster has there stays, one with the same name in another
// region included.
func TestOnlyOurBalancersAreSweptFromANetworkOfTheUsers(t *testing.T) {
	credentialsOf(t)
	const ours = ourProject + "/global/firewalls/k8s2-abcd1234-proxy-front-door-x1y2z3"
	twin := gcpfake.Item{Kind: "clusters", ID: ourProject + "/locations/europe-west1/clusters/prod", Body: map[string]any{"currentMasterVersion": "1.35.2-gke.1"}}
	for name, test := range map[string]struct {
		twin, lost bool
		left       int
	}{
		"alone":                             {false, false, 0},
		"alone, deleted by hand":            {false, true, 0},
		"a twin elsewhere":                  {true, false, 0},
		"a twin elsewhere, deleted by hand": {true, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := quick()
				for _, item := range theirs(secondary("pods"), secondary("services")) {
					cloud.Put(item)
				}
				if err := upOf(t.Context(), given(cloud)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if cloud.Body(ours) == nil {
					t.Fatal("Kubernetes has made no load balancer")
				}
				network := "https://www.googleapis.com/compute/v1/" + ourProject + "/global/networks/main"
				foreign := []gcpfake.Item{
					{Kind: "firewalls", ID: ourProject + "/global/firewalls/k8s2-eeee1111-shop-door-q1w2e3", Body: map[string]any{
						"name": "k8s2-eeee1111-shop-door-q1w2e3", "network": network, "targetTags": []any{"gke-prod-eu-5e6f7a8b-node"},
					}},
					{Kind: "firewalls", ID: ourProject + "/global/firewalls/office", Body: map[string]any{"name": "office", "network": network}},
					{Kind: "forwardingRules", ID: ourProject + "/regions/europe-west3/forwardingRules/k8s2-tcp-eeee1111-shop-door-q1w2e3", Body: map[string]any{
						"name": "k8s2-tcp-eeee1111-shop-door-q1w2e3",
					}},
					{Kind: "networkEndpointGroups", ID: ourProject + "/zones/europe-west3-a/networkEndpointGroups/k8s2-eeee1111-shop-door-q1w2e3", Body: map[string]any{
						"name": "k8s2-eeee1111-shop-door-q1w2e3", "network": network,
					}},
				}
				if test.twin {
					foreign = append(foreign, twin, gcpfake.Item{Kind: "firewalls", ID: ourProject + "/global/firewalls/k8s2-ffff2222-shop-door-r4t5z6", Body: map[string]any{
						"name": "k8s2-ffff2222-shop-door-r4t5z6", "network": network, "targetTags": []any{"gke-prod-5e6f7a8b-node"},
					}})
				}
				for _, item := range foreign {
					cloud.Put(item)
				}
				if test.lost {
					cloud.Lose(ourLocation + "/clusters/prod")
				}
				if err := downOf(t.Context(), given(cloud)); err != nil {
					t.Fatal(err)
				}
				for _, item := range foreign {
					if !reflect.DeepEqual(cloud.Body(item.ID), item.Body) {
						t.Errorf("%s was changed or deleted", item.ID)
					}
				}
				left := 0
				for _, id := range []string{ours, ourProject + "/global/firewalls/k8s2-abcd1234-l4-shared-hc-fw"} {
					if cloud.Body(id) != nil {
						left++
					}
				}
				if left != test.left {
					t.Errorf("%d of our rules are left, want %d", left, test.left)
				}
				w, err := openTarget(t.Context(), given(cloud))
				if err != nil {
					t.Fatal(err)
				}
				named, err := w.Leftovers(t.Context())
				if text := fmt.Sprint(named); err != nil || strings.Contains(text, "k8s2-abcd1234-proxy") != (test.left > 0) {
					t.Errorf("leftovers: %s, %v", text, err)
				}
			})
		})
	}
}
