package aws

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/generator/cluster"
)

// edited is a world whose cluster.yaml says something else.
func edited(ctx context.Context, transport http.RoundTripper, edit func(*cluster.Cluster)) (*world, error) {
	t := target(transport)
	edit(t.Cluster)
	return openTarget(ctx, t)
}

// upWith and settledWith are up and settled with another cluster.yaml.
func upWith(edit func(*cluster.Cluster)) killtest.Run {
	return func(ctx context.Context, transport http.RoundTripper) error {
		w, err := edited(ctx, transport, edit)
		if err != nil {
			return err
		}
		return w.hold(ctx, func(ctx context.Context) error {
			_, err := w.graph.Up(ctx, w.options())
			return err
		})
	}
}

func settledWith(edit func(*cluster.Cluster)) killtest.Run {
	return func(ctx context.Context, transport http.RoundTripper) error {
		w, err := edited(ctx, transport, edit)
		if err != nil {
			return err
		}
		return w.settled(ctx)
	}
}

func singleNAT(c *cluster.Cluster) { c.Provider.Network.NATGateways = cluster.NATSingle }

// TestFewerGatewaysKilledAtEveryCall: gateways that are not wanted any more go, after the routes lead elsewhere.
func TestFewerGatewaysKilledAtEveryCall(t *testing.T) {
	credentials(t)
	killtest.Test{New: fresh, Before: up, Run: upWith(singleNAT), After: settledWith(singleNAT), All: *everyRead}.EveryCall(t)
}

func TestGatewaysFollowTheOption(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		for _, step := range []struct {
			run  killtest.Run
			want int
		}{{upWith(singleNAT), 1}, {up, 3}, {upWith(singleNAT), 1}} {
			if err := step.run(t.Context(), line); err != nil {
				t.Fatal(err)
			}
			if gateways, addresses := cloud.Count("nat"), cloud.Count("address"); gateways != step.want || addresses != step.want {
				t.Errorf("%d gateways and %d addresses, want %d", gateways, addresses, step.want)
			}
		}
		w, err := open(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := w.graph.Plan(t.Context(), w.options())
		if err != nil || plan.Count(engine.ActionCreate, engine.ActionChange) != 6 {
			t.Errorf("back to one a zone: %v, %+v", err, plan)
		}
		if err := down(true)(t.Context(), line); err != nil || cloud.Count("nat")+cloud.Count("address")+cloud.Count("vpc") > 0 {
			t.Errorf("something is left: %v\n%s", err, cloud.Snapshot())
		}
	})
}

// given is everything that may be the user's.
func given(c *cluster.Cluster) {
	c.Provider.Network = cluster.Network{ID: "vpc-0a1b2c3d", Subnets: []string{"subnet-0a1b2c3a", "subnet-0a1b2c3b", "subnet-0a1b2c3c"}}
	c.Provider.Key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd"
	c.Provider.Storage.Given = true
	c.DNS.ZoneID = "Z0GIVEN"
}

// putGiven puts it there.
func putGiven(cloud *awsfake.Cloud) []awsfake.Item {
	theirs := map[string]string{"owner": "somebody"}
	items := []awsfake.Item{
		{Kind: "vpc", ID: "vpc-0a1b2c3d", Props: map[string]string{"names": "true"}},
		{Kind: "key", ID: "1234abcd"},
		{Kind: "bucket", ID: "acme-metrics"},
		{Kind: "bucket", ID: "acme-logs"},
		{Kind: "bucket", ID: "acme-rules"},
		{Kind: "zone", ID: "Z0GIVEN", Props: map[string]string{"Name": "obs.example.com.", "CallerReference": "theirs"}},
	}
	for _, letter := range []string{"a", "b", "c"} {
		items = append(items, awsfake.Item{Kind: "subnet", ID: "subnet-0a1b2c3" + letter, Tags: map[string]string{"kubernetes.io/role/elb": "1"}, Props: map[string]string{
			"VpcId": "vpc-0a1b2c3d", "AvailabilityZone": "eu-central-1" + letter, "CidrBlock": "192.168.0.0/20",
		}})
	}
	for i := range items {
		if items[i].Tags == nil {
			items[i].Tags = theirs
		}
		if items[i].Props == nil {
			items[i].Props = map[string]string{}
		}
		cloud.Put(items[i])
	}
	return items
}

// TestGivenThingsAreUsedAndNeverChanged: a cluster in a network of the user's, with a key, a zone and buckets of the user's.
func TestGivenThingsAreUsedAndNeverChanged(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		items := putGiven(cloud)
		line := killtest.Direct(cloud)
		before := map[string]map[string]string{}
		for _, item := range items {
			before[item.ID] = maps.Clone(item.Props)
		}
		if err := errors.Join(upWith(given)(t.Context(), line), settledWith(given)(t.Context(), line)); err != nil {
			t.Fatal(err)
		}
		for kind, want := range map[string]int{"vpc": 1, "subnet": 3, "nat": 0, "gateway": 0, "table": 0, "endpoint": 0, "key": 1, "alias": 0, "bucket": 3, "zone": 1, "nodegroup": 3} {
			if have := cloud.Count(kind); have != want {
				t.Errorf("%d of %s, want %d", have, kind, want)
			}
		}
		if key := cloud.Property("cluster", "prod", "key"); !strings.HasSuffix(key, "1234abcd") {
			t.Errorf("Secrets are encrypted with %q", key)
		}
		w, err := edited(t.Context(), line, given)
		if err != nil {
			t.Fatal(err)
		}
		o := w.options()
		o.DeleteData = true
		if _, err := w.graph.Down(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			for property, value := range before[item.ID] {
				if have := cloud.Property(item.Kind, item.ID, property); have != value {
					t.Errorf("%s %s: %s is %q, was %q", item.Kind, item.ID, property, have, value)
				}
			}
		}
		left := cloud.Snapshot()
		if strings.Count(left, "/precious") != 3 || cloud.Count("cluster")+cloud.Count("role")+cloud.Count("interface")+cloud.Count("group") > 0 {
			t.Errorf("left:\n%s", left)
		}
	})
}

func TestGivenThingsKilledAtEveryCall(t *testing.T) {
	credentials(t)
	theirs := func() killtest.Cloud {
		c := awsfake.New(20*time.Second, 10*time.Second)
		c.Throttle = 37
		putGiven(c)
		return killable(c)
	}
	killtest.Test{New: theirs, Run: upWith(given), After: settledWith(given), All: *everyRead}.EveryCall(t)
}

// TestPreflightOfGivenThings shows what is wrong with them before the first write.
func TestPreflightOfGivenThings(t *testing.T) {
	credentials(t)
	for says, spoil := range map[string]func(*awsfake.Cloud, *cluster.Cluster){
		"":                                      func(*awsfake.Cloud, *cluster.Cluster) {},
		"network: there is no VPC vpc-0ffffff0": func(_ *awsfake.Cloud, c *cluster.Cluster) { c.Provider.Network.ID = "vpc-0ffffff0" },
		"network: subnet-0a1b2c3d is not in vpc-0a1b2c3d": func(_ *awsfake.Cloud, c *cluster.Cluster) {
			c.Provider.Network.Subnets[2] = "subnet-0a1b2c3d"
		},
		"network: subnet-0a1b2c3b is in eu-central-1b, and provider.zones names eu-central-1a": func(_ *awsfake.Cloud, c *cluster.Cluster) {
			s := c.Provider.Network.Subnets
			s[0], s[1] = s[1], s[0]
		},
		"network: subnet-0a1b2c3a has 12 free addresses": func(c *awsfake.Cloud, _ *cluster.Cluster) { c.Change("subnet", "subnet-0a1b2c3a", "free", "12") },
		"network: DNS host names are off":                func(c *awsfake.Cloud, _ *cluster.Cluster) { c.Change("vpc", "vpc-0a1b2c3d", "names", "false") },
		"network: no subnet has the tag kubernetes.io/role/internal-elb=1": func(_ *awsfake.Cloud, c *cluster.Cluster) {
			c.Options.PrivateLoadBalancer = true
		},
		"network: no subnet has the tag kubernetes.io/role/elb=1": func(c *awsfake.Cloud, _ *cluster.Cluster) {
			for _, letter := range []string{"a", "b", "c"} {
				c.Tag("subnet", "subnet-0a1b2c3"+letter, "kubernetes.io/cluster/other", "shared")
			}
		},
		"key: there is no key": func(_ *awsfake.Cloud, c *cluster.Cluster) { c.Provider.Key += "x" },
		"key: the key is PendingDeletion": func(c *awsfake.Cloud, _ *cluster.Cluster) {
			c.Change("key", "1234abcd", "pending", "yes")
		},
		"buckets: acme-nowhere does not exist": func(_ *awsfake.Cloud, c *cluster.Cluster) { c.Provider.Storage.Logs = "acme-nowhere" },
		"buckets: acme-rules is in us-east-1":  func(c *awsfake.Cloud, _ *cluster.Cluster) { c.Change("bucket", "acme-rules", "region", "us-east-1") },
	} {
		t.Run(says, func(t *testing.T) {
			cloud := awsfake.New(time.Second, time.Second)
			putGiven(cloud)
			w, err := edited(t.Context(), killtest.Direct(cloud), func(c *cluster.Cluster) { given(c); spoil(cloud, c) })
			if err != nil {
				t.Fatal(err)
			}
			found := ""
			for _, check := range w.Preflight(t.Context()) {
				if check.Problem != "" && !check.Warning {
					found += check.Name + ": " + check.Problem + "\n"
				}
			}
			if (found == "") != (says == "") || !strings.HasPrefix(found, says) {
				t.Errorf("it says %q, want %q", found, says)
			}
		})
	}
}

func TestClusterCannotBeMovedToAnotherNetwork(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		putGiven(cloud)
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); !errors.Is(err, engine.ErrForeign) {
			t.Fatalf("the buckets and the zone are somebody's: %v", err)
		}
		inOurs := func(c *cluster.Cluster) {
			given(c)
			c.Provider.Network = cluster.Network{}
		}
		if err := upWith(inOurs)(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		w, err := edited(t.Context(), line, given)
		if err != nil {
			t.Fatal(err)
		}
		if check := w.checkPlace(t.Context()); !strings.Contains(check.Problem, "cannot be moved") || check.Hint == "" {
			t.Errorf("it says %+v", check)
		}
		if w, err = edited(t.Context(), line, inOurs); err != nil {
			t.Fatal(err)
		}
		if check := w.checkPlace(t.Context()); check.Problem != "" {
			t.Errorf("it says %+v", check)
		}
	})
}

// TestEndpointFollowsTheOption changes who reaches the API server, in a cluster that runs.
func TestEndpointFollowsTheOption(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		for _, step := range []struct {
			endpoint cluster.Endpoint
			want     string
		}{
			{cluster.Endpoint{}, "0.0.0.0/0"},
			{cluster.Endpoint{CIDRs: []string{"203.0.113.0/24", "198.51.100.7/32"}}, "198.51.100.7/32 203.0.113.0/24"},
			{cluster.Endpoint{CIDRs: []string{"198.51.100.7/32", "203.0.113.0/24"}}, "198.51.100.7/32 203.0.113.0/24"},
			{cluster.Endpoint{Private: true}, ""},
			{cluster.Endpoint{CIDRs: []string{"203.0.113.0/24"}}, "203.0.113.0/24"},
		} {
			edit := func(c *cluster.Cluster) { c.Provider.Endpoint = step.endpoint }
			if err := errors.Join(upWith(edit)(t.Context(), line), settledWith(edit)(t.Context(), line)); err != nil {
				t.Fatal(err)
			}
			if have := cloud.Property("cluster", "prod", "access"); have != step.want {
				t.Errorf("%+v: the API server is reached from %q, want %q", step.endpoint, have, step.want)
			}
		}
	})
}
