package aws

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/generator/cluster"
)

const oneGroup = "eu-central-1b"

// sized is a world whose capacity needs some nodes, and more by load.
func sized(ctx context.Context, transport http.RoundTripper, nodes, most int) (*world, error) {
	t := target(transport)
	t.Amounts = price.Amounts{Nodes: nodes, MostNodes: most}
	return openTarget(ctx, t)
}

func upSized(nodes, most int) killtest.Run {
	return func(ctx context.Context, transport http.RoundTripper) error {
		w, err := sized(ctx, transport, nodes, most)
		if err != nil {
			return err
		}
		return w.hold(ctx, func(ctx context.Context) error {
			_, err := w.graph.Up(ctx, w.options())
			return err
		})
	}
}

// TestNodesFollowCapacityAndLoad: up sets the bounds, and the cluster autoscaler what is between them. A run that took away
// what the autoscaler has just added would end nodes with pods on them.
func TestNodesFollowCapacityAndLoad(t *testing.T) {
	credentials(t)
	for name, test := range map[string]struct {
		// min, desired and max are what a group that was made for 5 to 8 nodes in three zones has by now.
		min, desired, max string
		nodes, most       int
		// plan is what the next run wants to change, and has what is there after it.
		plan, has string
	}{
		"nothing happened":                      {"2", "2", "4", 5, 8, "", "2 2 4"},
		"load brought nodes":                    {"2", "4", "4", 5, 8, "", "2 4 4"},
		"capacity grew":                         {"2", "2", "4", 9, 12, "nodes: 2-4 → 3-5", "3 3 5"},
		"capacity grew to what load brought":    {"2", "4", "4", 9, 12, "nodes: 2-4 → 3-5", "3 4 5"},
		"only the most grew":                    {"2", "3", "4", 5, 20, "nodes: 2-4 → 2-8", "2 3 8"},
		"capacity shrank":                       {"2", "3", "4", 3, 3, "", "2 3 4"},
		"somebody wants more":                   {"3", "5", "9", 5, 8, "", "3 5 9"},
		"somebody ended a node":                 {"2", "1", "4", 5, 8, "nodes: 1 → 2", "2 2 4"},
		"made before nodes were scaled":         {"2", "2", "3", 5, 8, "nodes: 2-3 → 2-4", "2 2 4"},
		"somebody wants more, and it was grown": {"4", "4", "4", 9, 12, "nodes: 4-4 → 4-5", "4 4 5"},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud := awsfake.New(20*time.Second, 10*time.Second)
			line := killtest.Direct(cloud)
			if err := upSized(5, 8)(t.Context(), line); err != nil {
				t.Fatal(err)
			}
			for property, value := range map[string]string{"minSize": test.min, "desiredSize": test.desired, "maxSize": test.max} {
				cloud.Change("nodegroup", oneGroup, property, value)
			}
			if got := plannedNodes(t, line, test.nodes, test.most); got != test.plan {
				t.Errorf("%s: the plan is %q, want %q", name, got, test.plan)
			}
			if err := upSized(test.nodes, test.most)(t.Context(), line); err != nil {
				t.Fatal(err)
			}
			if got := cloud.Nodes(oneGroup); got != test.has {
				t.Errorf("%s: the group has %s nodes (least, now, most), want %s", name, got, test.has)
			}
			if got := plannedNodes(t, line, test.nodes, test.most); got != "" {
				t.Errorf("%s: after it, the plan is %q", name, got)
			}
		})
	}
}

// plannedNodes are the changes of one zone's nodes in the plan.
func plannedNodes(t *testing.T, line http.RoundTripper, nodes, most int) string {
	t.Helper()
	w, err := sized(t.Context(), line, nodes, most)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := w.graph.Plan(t.Context(), w.options())
	if err != nil {
		t.Fatal(err)
	}
	var changes []string
	for _, step := range plan {
		if step.Resource == "cluster/nodes-"+oneGroup && step.Action != engine.ActionNone {
			for _, change := range step.Changes {
				changes = append(changes, change.String())
			}
		}
	}
	return strings.Join(changes, "; ")
}

func TestMoreNodesKilledAtEveryCall(t *testing.T) {
	credentials(t)
	after := func(ctx context.Context, transport http.RoundTripper) error {
		w, err := sized(ctx, transport, 9, 12)
		if err != nil {
			return err
		}
		return w.settled(ctx)
	}
	killtest.Test{New: fresh, Before: upSized(5, 8), Run: upSized(9, 12), After: after, All: *everyRead}.EveryCall(t)
}

// TestAutoscalerMayChangeItsOwnClusterOnly: without the condition it could end every machine of the account.
func TestAutoscalerMayChangeItsOwnClusterOnly(t *testing.T) {
	credentials(t)
	w, err := open(t.Context(), killtest.Direct(awsfake.New(time.Second, time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	const tag = "aws:ResourceTag/k8s.io/cluster-autoscaler/prod" // EKS puts it on the groups of its managed nodes
	met := false
	for _, s := range w.nodeRights() {
		for _, action := range s.Action {
			_, verb, _ := strings.Cut(action, ":")
			switch {
			case strings.HasPrefix(verb, "Describe"):
			case s.Condition["StringEquals"][tag] != "owned" || !strings.HasPrefix(s.Resource[0], "arn:aws:autoscaling:eu-central-1:123456789012:"):
				t.Errorf("it may do %s in %v, on the condition %v", action, s.Resource, s.Condition)
			default:
				met = true
			}
		}
	}
	if !met {
		t.Error("it may change nothing")
	}
}

// TestQuotaForLoadIsAWarning: a cluster that fits today may begin, and is told of the day on which it will not.
func TestQuotaForLoadIsAWarning(t *testing.T) {
	credentials(t)
	for vCPUs, test := range map[float64]struct {
		says    string
		warning bool
	}{
		112: {"", false},
		64:  {"0 of 64 vCPUs of standard machines are in use, and load may ask for 112 more", true},
		63:  {"0 of 63 vCPUs of standard machines are in use, and 64 more are needed", false},
	} {
		cloud := awsfake.New(time.Second, time.Second)
		cloud.Quotas["ec2/L-1216C47A"] = vCPUs
		w, err := edited(t.Context(), killtest.Direct(cloud), func(c *cluster.Cluster) { c.Provider.MaxNodes = 12 })
		if err != nil {
			t.Fatal(err)
		}
		if check := w.checkQuotas(t.Context()); check.Problem != test.says || check.Warning != test.warning {
			t.Errorf("with %v: %+v, want %q", vCPUs, check, test.says)
		}
	}
}
