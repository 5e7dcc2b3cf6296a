package aws

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/generator/cluster"
)

const oldRelease, newRelease = "1.35.1-20260701", "1.35.6-20260728"

func releasedAs(release string) func(*cluster.Cluster) {
	return func(c *cluster.Cluster) { c.Provider.NodeRelease = release }
}

// nodeCheck is what preflight says of the nodes' image.
func nodeCheck(t *testing.T, w *world) (says string, stops bool) {
	t.Helper()
	for _, check := range w.checkUpgrade(t.Context()) {
		if check.Name == "node release" {
			return check.Problem + " " + check.Hint, check.Problem != "" && !check.Warning
		}
	}
	return "nothing", true
}

// TestNodesGetTheReleaseThatIsWritten: a newer image changes nothing by itself; plan names it, and once it is written, up
// takes one zone after the other.
func TestNodesGetTheReleaseThatIsWritten(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		look := func(release string) *world {
			w, err := edited(t.Context(), line, releasedAs(release))
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		if says, _ := nodeCheck(t, look("")); says != " " {
			t.Errorf("while there is nothing newer, it says %q", says)
		}
		cloud.Releases["1.35"] = newRelease
		if says, stops := nodeCheck(t, look("")); !strings.Contains(says, "Write nodeRelease: "+newRelease) || stops {
			t.Errorf("of a newer one it says %q, and stops: %t", says, stops)
		}
		if err := settled(t.Context(), line); err != nil {
			t.Errorf("a newer release must change nothing: %v", err)
		}
		w := look(newRelease)
		plan, err := w.graph.Plan(t.Context(), w.options())
		if err != nil || plan.Count(engine.ActionChange) != 3 {
			t.Errorf("the plan: %v, %+v", err, plan)
		}
		edit := releasedAs(newRelease)
		if err := errors.Join(upWith(edit)(t.Context(), line), settledWith(edit)(t.Context(), line)); err != nil {
			t.Fatal(err)
		}
		for _, zone := range []string{"eu-central-1a", "eu-central-1b", "eu-central-1c"} {
			if have := cloud.Property("nodegroup", zone, "release"); have != newRelease {
				t.Errorf("the nodes in %s run %s", zone, have)
			}
		}
		// Somebody takes the line back: EKS cannot, and the rest of a run must not suffer.
		if says, stops := nodeCheck(t, look(oldRelease)); !strings.Contains(says, "EKS does not go back") || stops {
			t.Errorf("of an older one it says %q, and stops: %t", says, stops)
		}
		if err := settledWith(releasedAs(oldRelease))(t.Context(), line); err != nil {
			t.Error(err)
		}
	})
}

// TestNewestReleaseCannotBeLookedAt: a right that is missing for a piece of advice stops nothing.
func TestNewestReleaseCannotBeLookedAt(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		if err := up(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		cloud.Refuse["ssm:GetParameter"] = "AccessDeniedException"
		w, err := open(t.Context(), line)
		if err != nil {
			t.Fatal(err)
		}
		if says, stops := nodeCheck(t, w); !strings.Contains(says, "ssm:GetParameter") || stops {
			t.Errorf("it says %q, and stops: %t", says, stops)
		}
	})
}

func TestOlderRelease(t *testing.T) {
	for _, test := range []struct {
		have, want string
		older      bool
	}{
		{oldRelease, newRelease, true},
		{newRelease, oldRelease, false},
		{oldRelease, oldRelease, false},
		{"1.35.9-20260101", "1.35.10-20260101", true},
		{"1.35.6-20260728", "1.35.6-20260801", true},
		{"", newRelease, false},
		{oldRelease, "", false},
		{"ami-0123", newRelease, false},
	} {
		if olderRelease(test.have, test.want) != test.older {
			t.Errorf("%q is older than %q: %t, want %t", test.have, test.want, !test.older, test.older)
		}
	}
}
