package aws

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

// made are the tags of what a controller of a cluster makes.
func made(cluster string) map[string]string {
	return map[string]string{"kubernetes.io/cluster/" + cluster: "owned"}
}

// TestDownTakesWhatKubernetesLeft: load balancers whose controller is gone go with the cluster, in a network of the user's,
// too. Others' stay, those of a cluster whose name begins alike as well.
func TestDownTakesWhatKubernetesLeft(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		putGiven(cloud)
		line := killtest.Direct(cloud)
		if err := upWith(given)(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		const vpc, subnet = "vpc-0a1b2c3d", "subnet-0a1b2c3a"
		there := map[string]string{"VpcId": vpc}
		cloud.PutBalancer("k8s-second", vpc, subnet, map[string]string{"elbv2.k8s.aws/cluster": "prod"})
		cloud.PutBalancer("k8s-product", vpc, subnet, made("product"))
		cloud.PutBalancer("hand-made", vpc, subnet, map[string]string{"owner": "somebody"})
		cloud.PutBalancer("elsewhere", "vpc-0ffffff0", "subnet-0ffffff0", made("prod"))
		cloud.PutBalancer("shared", vpc, subnet, map[string]string{"kubernetes.io/cluster/prod": "shared"})
		cloud.Put(awsfake.Item{Kind: "classic", ID: "older", Tags: made("prod"), Props: map[string]string{"VpcId": vpc}})
		cloud.Put(awsfake.Item{Kind: "classic", ID: "older-of-others", Tags: made("other"), Props: there})
		cloud.Put(awsfake.Item{Kind: "volume", ID: "vol-foreign", Tags: made("prod")})
		if err := downAs(given, true)(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		for id, stays := range map[string]bool{
			"k8s-proxy": false, "k8s-second": false, "k8s-product": true, "hand-made": true, "elsewhere": true, "shared": true,
		} {
			for _, kind := range []string{"balancer", "targets"} {
				name := map[string]string{"targets": "targets-of-"}[kind] + id
				if have := cloud.Has(kind, name); have != stays {
					t.Errorf("%s %s is there: %t, want %t", kind, name, have, stays)
				}
			}
		}
		if cloud.Has("classic", "older") || !cloud.Has("classic", "older-of-others") {
			t.Error("of the older balancers, only the cluster's own must go")
		}
		if have := cloud.Count("group"); have != 4 {
			t.Errorf("%d groups are left, want those of the 4 balancers that stay", have)
		}
		// It has Kubernetes' tag and not ours: it may be of an earlier cluster of that name.
		if cloud.Count("volume") != 1 || !cloud.Has("volume", "vol-foreign") {
			t.Error("of the volumes, only those that bootstrap's add-on made must go")
		}
	})
}

// TestNothingIsTakenFromALivingCluster: somebody else runs a cluster of that name, in a network that both use.
func TestNothingIsTakenFromALivingCluster(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		putGiven(cloud)
		cloud.Put(awsfake.Item{Kind: "cluster", ID: "prod", Tags: map[string]string{"owner": "somebody"}, Props: map[string]string{"version": "1.35"}})
		cloud.PutBalancer("theirs", "vpc-0a1b2c3d", "subnet-0a1b2c3a", made("prod"))
		before := cloud.Snapshot()
		if err := downAs(given, true)(t.Context(), killtest.Direct(cloud)); err != nil {
			t.Fatal(err)
		}
		if after := cloud.Snapshot(); after != before {
			t.Errorf("something is gone:\n%s\nthere was:\n%s", after, before)
		}
	})
}

// TestProtectedBalancer: what somebody protected is not deleted, and down says how to go on.
func TestProtectedBalancer(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		cloud.Change("balancer", "k8s-proxy", "protected", "yes")
		if err := down(false)(t.Context(), line); err == nil || !strings.Contains(err.Error(), "protected from deletion") {
			t.Errorf("it says: %v", err)
		}
		cloud.Change("balancer", "k8s-proxy", "protected", "")
		if err := down(false)(t.Context(), line); err != nil || cloud.Count("vpc") > 0 {
			t.Errorf("run again: %v", err)
		}
	})
}

// TestLeakedInterface: an interface that a node left without tags holds the cluster's own group, which EKS cannot delete
// then; both go.
func TestLeakedInterface(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		cloud.Leak("aws-K8S-i-0a1b2c3d")
		if err := down(false)(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		if have := cloud.Count("group") + cloud.Count("interface") + cloud.Count("vpc"); have > 0 {
			t.Errorf("left:\n%s", cloud.Snapshot())
		}
	})
}

// TestLogsOfAnEarlierCluster: EKS made the group without bootstrap. It is used, named, and never deleted.
func TestLogsOfAnEarlierCluster(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		cloud.Put(awsfake.Item{Kind: "logs", ID: "/aws/eks/prod/cluster"})
		line := killtest.Direct(cloud)
		if err := errors.Join(up(t.Context(), line), settled(t.Context(), line), down(true)(t.Context(), line)); err != nil {
			t.Fatal(err)
		}
		if cloud.Property("logs", "/aws/eks/prod/cluster", "days") != "" || cloud.Count("logs") != 1 {
			t.Errorf("it was changed:\n%s", cloud.Snapshot())
		}
		w, err := open(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		left, err := w.Leftovers(t.Context())
		if err != nil || len(left) != 1 || left[0].ID != "/aws/eks/prod/cluster" || left[0].Why != "name" || !left[0].Data {
			t.Errorf("it names %+v, %v", left, err)
		}
	})
}
