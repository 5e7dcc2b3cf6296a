package aws

import (
	"errors"
	"flag"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

// kinds are those that the fake knows and bootstrap makes.
func kinds() []string {
	return []string{
		"vpc", "subnet", "gateway", "address", "nat", "table", "association", "endpoint", "interface", "group", "role", "key", "alias",
		"cluster", "nodegroup", "addon", "podidentity", "bucket", "zone", "balancer", "targets", "volume", "logs",
	}
}

func TestUpMakesEverythingOnce(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(10*time.Minute, 3*time.Minute)
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{
			"vpc": 1, "subnet": 6, "gateway": 1, "address": 3, "nat": 3, "table": 4, "association": 6, "endpoint": 1, "interface": 4, "group": 2,
			"role": 8, "key": 1, "alias": 1, "cluster": 1, "nodegroup": 3, "addon": 6, "podidentity": 5, "bucket": 3, "zone": 1,
			"balancer": 1, "targets": 1, "volume": 1, "logs": 1,
		}
		for _, kind := range kinds() {
			if have := cloud.Count(kind); have != want[kind] {
				t.Errorf("%d of %s, want %d", have, kind, want[kind])
			}
		}
		if err := settled(t.Context(), line); err != nil {
			t.Error(err)
		}
		if !strings.Contains(cloud.Snapshot(), `settings={"enableNetworkPolicy":"true"}`) {
			t.Error("network policies are written, and nothing keeps them")
		}
	})
}

// TestDownLeavesOnlyWhatItSays: what stays is data, and the key that KMS keeps for some days.
func TestDownLeavesOnlyWhatItSays(t *testing.T) {
	credentials(t)
	for name, test := range map[string]struct {
		deleteData bool
		left       map[string]int
	}{
		"data kept":    {false, map[string]int{"bucket": 3, "zone": 1, "key": 1, "volume": 1, "logs": 1}},
		"data deleted": {true, map[string]int{"key": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := awsfake.New(10*time.Minute, 3*time.Minute)
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(cloud.Snapshot(), "heritage=external-dns") {
					t.Error("nothing wrote records")
				}
				if err := down(test.deleteData)(t.Context(), line); err != nil {
					t.Fatal(err)
				}
				for _, kind := range kinds() {
					if have := cloud.Count(kind); have != test.left[kind] {
						t.Errorf("%d of %s are left, want %d", have, kind, test.left[kind])
					}
				}
				w, err := open(t.Context(), line)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(cloud.Snapshot(), "heritage=external-dns") {
					t.Errorf("records are left:\n%s", cloud.Snapshot())
				}
				left, err := w.Leftovers(t.Context())
				if err != nil || len(left) != test.left["bucket"]+test.left["zone"]+test.left["volume"]+test.left["logs"] {
					t.Errorf("leftovers: %+v, %v", left, err)
				}
				if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
					t.Errorf("up again: %v", err)
				}
			})
		})
	}
}

// TestLeftoversAreFoundByTag: a load balancer that outlived its cluster is named, and one of another cluster is not.
func TestLeftoversAreFoundByTag(t *testing.T) {
	credentials(t)
	cloud := awsfake.New(time.Second, time.Second)
	cloud.Put(awsfake.Item{Kind: "balancer", ID: "k8s-proxy", Tags: map[string]string{"kubernetes.io/cluster/prod": "owned", "elbv2.k8s.aws/cluster": "prod"}})
	cloud.Put(awsfake.Item{Kind: "balancer", ID: "k8s-other", Tags: map[string]string{"kubernetes.io/cluster/product": "owned", "elbv2.k8s.aws/cluster": "product"}})
	cloud.Put(awsfake.Item{Kind: "volume", ID: "vol-1", Tags: map[string]string{"kubernetes.io/cluster/prod": "owned"}})
	w, err := open(t.Context(), killtest.Direct(cloud))
	if err != nil {
		t.Fatal(err)
	}
	left, err := w.Leftovers(t.Context())
	if err != nil || len(left) != 2 || left[0].ID != "vol-1" || !left[0].Data ||
		left[1].Kind != "elasticloadbalancing:loadbalancer" || !strings.HasSuffix(left[1].ID, "k8s-proxy") || left[1].Data {
		t.Errorf("left: %+v, %v", left, err)
	}
}

// TestCriticalPath fails when something is made one after the other that could be made side by side.
func TestCriticalPath(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if err := up(t.Context(), killtest.Direct(awsfake.New(controlPlaneTime, nodesTime))); err != nil {
			t.Fatal(err)
		}
		took, most := time.Since(began), (controlPlaneTime+nodesTime)*105/100
		t.Logf("up took %s of at most %s", took, most)
		if took > most {
			t.Errorf("up took %s, more than %s", took, most)
		}
	})
}

// TestForeignIsNeverTouched puts something of somebody else where each name would be.
func TestForeignIsNeverTouched(t *testing.T) {
	credentials(t)
	theirs := map[string]string{"owner": "somebody"}
	for name, item := range map[string]awsfake.Item{
		"bucket of another account":   {Kind: "bucket", ID: "acme-logs", Props: map[string]string{"foreign": "yes"}},
		"bucket without our tags":     {Kind: "bucket", ID: "acme-logs", Tags: theirs},
		"bucket that holds the lease": {Kind: "bucket", ID: "acme-rules", Tags: theirs},
		"bucket of another cluster":   {Kind: "bucket", ID: "acme-metrics", Tags: map[string]string{engine.TagCluster: "product", engine.TagName: "buckets/metrics"}},
		"role":                        {Kind: "role", ID: "opsgen-prod-cortex", Tags: theirs, Props: map[string]string{"trust": "{}"}},
		"cluster":                     {Kind: "cluster", ID: "prod", Tags: theirs, Props: map[string]string{"version": "1.30"}},
		"zone":                        {Kind: "zone", ID: "Z1", Props: map[string]string{"Name": "obs.example.com.", "CallerReference": "opsgen.io/product/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := awsfake.New(20*time.Second, 10*time.Second)
				before := awsfake.Item{Tags: maps.Clone(item.Tags), Props: maps.Clone(item.Props)}
				cloud.Put(item)
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); !errors.Is(err, engine.ErrForeign) {
					t.Errorf("up: %v", err)
				}
				// The lease's bucket refuses this one, too.
				if err := down(true)(t.Context(), line); err != nil && !errors.Is(err, engine.ErrForeign) {
					t.Errorf("down: %v", err)
				}
				if cloud.Count(item.Kind) == 0 || !maps.Equal(before.Tags, item.Tags) || !maps.Equal(before.Props, item.Props) {
					t.Error("it was changed or deleted")
				}
				if item.Kind == "bucket" && !strings.Contains(cloud.Snapshot(), "object "+item.ID+"/precious") {
					t.Error("what was in it is gone")
				}
			})
		})
	}
}

// TestRefusalsSayWhatToDoAndUpGoesOn refuses one call, and lifts that.
func TestRefusalsSayWhatToDoAndUpGoesOn(t *testing.T) {
	credentials(t)
	for call, test := range map[string]struct{ code, says string }{
		"eks:CreateCluster":    {"ExpiredTokenException", "The credentials have expired"},
		"ec2:CreateNatGateway": {"NatGatewayLimitExceeded", "Ask for a higher quota"},
		"ec2:AllocateAddress":  {"AddressLimitExceeded", "Ask for a higher quota"},
		"ec2:CreateVpc": {
			"UnauthorizedOperation with an explicit deny in a service control policy", "A policy of your organization denies this",
		},
		"ec2:DescribeSubnets": {"RequestExpired", "The credentials have expired"},
		"iam:CreateRole":      {"AccessDenied", "an organization's policy may deny it"},
		"eks:CreateNodegroup": {"AccessDeniedException", "Ask for the right"},
	} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := awsfake.New(20*time.Second, 10*time.Second)
				cloud.Refuse[call] = test.code
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("it says: %v", err)
				}
				delete(cloud.Refuse, call)
				if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
					t.Errorf("run again: %v", err)
				}
			})
		})
	}
}

func TestZoneWithoutCapacity(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		cloud.Broken["eu-central-1b"] = true
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err == nil || !strings.Contains(err.Error(), "InsufficientInstanceCapacity") || !strings.Contains(err.Error(), "another zone in provider.zones") {
			t.Errorf("it says: %v", err)
		}
		delete(cloud.Broken, "eu-central-1b")
		if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
			t.Errorf("run again: %v", err)
		}
	})
}

// all kills at calls that only read, too, each of which leaves what the last write left: `go test ./bootstrap/aws -args -all`.
var everyRead = flag.Bool("all", false, "kill at calls that change nothing, too")

func TestUpKilledAtEveryCall(t *testing.T) {
	credentials(t)
	killtest.Test{New: fresh, Run: up, After: settled, All: *everyRead}.EveryCall(t)
}

func TestDownKilledAtEveryCall(t *testing.T) {
	credentials(t)
	killtest.Test{New: fresh, Before: up, Run: down(false), All: *everyRead}.EveryCall(t)
}

func TestDownWithDataKilledAtEveryCall(t *testing.T) {
	credentials(t)
	killtest.Test{New: fresh, Before: up, Run: down(true), All: *everyRead}.EveryCall(t)
}

// TestDownOfAHalfMadeCluster: what a run that failed has made must be as easy to remove as a whole cluster.
func TestDownOfAHalfMadeCluster(t *testing.T) {
	credentials(t)
	for _, call := range []string{"ec2:CreateSubnet", "ec2:CreateNatGateway", "iam:PutRolePolicy", "kms:CreateAlias", "eks:CreateCluster", "eks:CreateNodegroup"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cloud := awsfake.New(20*time.Second, 10*time.Second)
				cloud.Refuse[call] = "AccessDenied"
				line := killtest.Direct(cloud)
				if err := up(t.Context(), line); err == nil {
					t.Fatal("up did not fail")
				}
				if err := down(true)(t.Context(), line); err != nil {
					t.Fatal(err)
				}
				for _, kind := range kinds() {
					if have := cloud.Count(kind); have > 0 && kind != "key" {
						t.Errorf("%d of %s are left", have, kind)
					}
				}
			})
		})
	}
}
