package aws

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws/awsfake"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
	"github.com/opsgen/opsgen/generator/cluster"
)

// at is cluster.yaml with a version of Kubernetes.
func at(version string) func(*cluster.Cluster) {
	return func(c *cluster.Cluster) { c.Kubernetes = version }
}

func upAt(version string) killtest.Run { return upWith(at(version)) }

func TestUpgradeKilledAtEveryCall(t *testing.T) {
	credentials(t)
	edit := releasedAs(newRelease)
	killtest.Test{New: fresh, Before: upAt("1.34"), Run: upWith(edit), After: settledWith(edit), All: *everyRead}.EveryCall(t)
}

// TestUpgradeGoesStepByStep: the plan shows each step, and nothing else changes.
func TestUpgradeGoesStepByStep(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 10*time.Second)
		line := killtest.Direct(cloud)
		if err := upAt("1.35")(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		w, err := edited(t.Context(), line, at("1.36"))
		if err != nil {
			t.Fatal(err)
		}
		plan, err := w.graph.Plan(t.Context(), w.options())
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		for _, step := range plan {
			if step.Action != engine.ActionNone {
				steps = append(steps, step.Action+" "+step.Resource+" "+step.Changes[0].String())
			}
		}
		want := []string{
			"change cluster/control-plane Kubernetes: 1.35 → 1.36",
			"change cluster/addon-kube-proxy version: v1.35.2-eksbuild.1 → v1.36.2-eksbuild.1",
			"change cluster/addon-coredns version: v1.11.4-eksbuild.1 → v1.12.1-eksbuild.1",
			"change cluster/nodes-version-eu-central-1a Kubernetes: 1.35 → 1.36",
			"change cluster/nodes-version-eu-central-1b Kubernetes: 1.35 → 1.36",
			"change cluster/nodes-version-eu-central-1c Kubernetes: 1.35 → 1.36",
		}
		if !slices.Equal(steps, want) {
			t.Errorf("the plan has\n%s\nwant\n%s", strings.Join(steps, "\n"), strings.Join(want, "\n"))
		}
		before := len(cloud.Calls())
		if err := upAt("1.36")(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		var writes []string
		for _, call := range cloud.Calls()[before:] {
			if strings.HasPrefix(call, "eks:Update") {
				writes = append(writes, strings.TrimPrefix(call, "eks:Update"))
			}
		}
		if got := strings.Join(writes, " "); got != "ClusterVersion Addon Addon NodegroupVersion NodegroupVersion NodegroupVersion" {
			t.Errorf("it called %s", got)
		}
	})
}

func TestUpgradeThatIsNoneIsRefused(t *testing.T) {
	credentials(t)
	for _, test := range []struct{ from, to, says, hint string }{
		{"1.36", "1.35", "cannot go back", `kubernetes: "1.36"`},
		{"1.34", "1.36", "one minor version at a time", `kubernetes: "1.35"`},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud := awsfake.New(20*time.Second, 10*time.Second)
			line := killtest.Direct(cloud)
			if err := upAt(test.from)(t.Context(), line); err != nil {
				t.Fatal(err)
			}
			before := cloud.Snapshot()
			if err := upAt(test.to)(t.Context(), line); err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), test.hint) {
				t.Errorf("up: %v", err)
			}
			if found := problems(t, line, test.to); !strings.Contains(found, "upgrade: ") || !strings.Contains(found, test.says) {
				t.Errorf("preflight: %s", found)
			}
			if cloud.Snapshot() != before {
				t.Error("something was changed")
			}
		})
	}
}

// problems are those of preflight, warnings included.
func problems(t *testing.T, line http.RoundTripper, version string) string {
	t.Helper()
	w, err := edited(t.Context(), line, at(version))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, check := range w.Preflight(t.Context()) {
		if check.Problem != "" {
			lines = append(lines, check.Name+": "+check.Problem+" "+check.Hint)
		}
	}
	return strings.Join(lines, "\n")
}

func TestPreflightOfAnUpgrade(t *testing.T) {
	credentials(t)
	for says, spoil := range map[string]func(*awsfake.Cloud){
		"upgrade insights: Deprecated APIs removed in Kubernetes v1.36": func(c *awsfake.Cloud) {
			c.Insights["Deprecated APIs removed in Kubernetes v1.36"] = "ERROR"
		},
		"upgrade insights: kube-proxy version skew": func(c *awsfake.Cloud) { c.Insights["kube-proxy version skew"] = "WARNING" },
		"version skew: the nodes in eu-central-1b run Kubernetes 1.32": func(c *awsfake.Cloud) {
			c.Change("nodegroup", "eu-central-1b", "version", "1.32")
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			cloud := awsfake.New(20*time.Second, 10*time.Second)
			line := killtest.Direct(cloud)
			if err := upAt("1.35")(t.Context(), line); err != nil {
				t.Fatal(err)
			}
			if found := problems(t, line, "1.36"); strings.Contains(found, "upgrade") {
				t.Errorf("without a problem: %s", found)
			}
			spoil(cloud)
			if found := problems(t, line, "1.36"); !strings.Contains(found, says) {
				t.Errorf("preflight says %q, want %q", found, says)
			}
		})
	}
}

// TestNodesThatCannotBeEmptied: a disruption budget that lets no pod go stops the upgrade, and the zones after it wait.
func TestNodesThatCannotBeEmptied(t *testing.T) {
	credentials(t)
	synctest.Test(t, func(t *testing.T) {
		cloud := awsfake.New(20*time.Second, 2*time.Minute)
		line := killtest.Direct(cloud)
		if err := upAt("1.34")(t.Context(), line); err != nil {
			t.Fatal(err)
		}
		cloud.Stuck["eu-central-1b"] = true
		var failures engine.Failures
		err := up(t.Context(), line)
		if !errors.As(err, &failures) || len(failures) != 1 || !strings.Contains(err.Error(), "PodEvictionFailure") {
			t.Errorf("it says: %v", err)
		}
		for zone, want := range map[string]string{"eu-central-1a": "1.35", "eu-central-1b": "1.34", "eu-central-1c": "1.34"} {
			if have := cloud.Property("nodegroup", zone, "version"); have != want {
				t.Errorf("the nodes in %s run %s, want %s", zone, have, want)
			}
		}
		delete(cloud.Stuck, "eu-central-1b")
		if err := errors.Join(up(t.Context(), line), settled(t.Context(), line)); err != nil {
			t.Errorf("run again: %v", err)
		}
	})
}
