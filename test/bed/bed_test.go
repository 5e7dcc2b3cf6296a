package bed

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
)

func TestMain(m *testing.M) {
	Internal()
	os.Exit(m.Run())
}

func TestAKilledBedLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	b, err := Up(ctx, Options{Name: "killed", Nodes: 2, Progress: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	list, err := b.Status(ctx)
	if err != nil || len(list) != 2 || !list[0].Ready || !list[1].Ready || list[1].Zone != "z2" {
		t.Errorf("two nodes in two zones are not ready: %v, %v", list, err)
	}
	warden, err := wardenOf(b.state.Dir)
	if err != nil || warden == 0 {
		t.Fatalf("no warden: %d, %v", warden, err)
	}
	if err := syscall.Kill(warden, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := Down(ctx, "killed"); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"/proc/self/mountinfo": b.state.Dir + "/", "/proc/net/dev": b.state.link() + ":",
	} {
		if data, err := os.ReadFile(file); err != nil || strings.Contains(string(data), text) {
			t.Errorf("%s still has %s (%v)", file, text, err)
		}
	}
	for _, pattern := range []string{"/sys/fs/cgroup/opsgen-killed-*", "/sys/fs/cgroup/*/opsgen-killed-*", b.state.Dir} {
		if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	}
}

func TestEachLoadBalancerHasAnAddressOfItsOwn(t *testing.T) {
	s := state{Index: 1}
	services := make([]core.Service, 3)
	for i := range services {
		services[i].Spec.Type = core.ServiceTypeLoadBalancer
	}
	services[0].Status.LoadBalancer.Ingress = []core.LoadBalancerIngress{{IP: "10.201.1.1"}}
	given := assign(services, s.balancers())
	if got := given[&services[1]].String(); len(given) != 2 || got != "10.201.1.2" {
		t.Errorf("given %v", given)
	}
}

func TestANameOfABedIsNoPath(t *testing.T) {
	for _, name := range []string{"", "../x", "a/b", "A", strings.Repeat("a", 21)} {
		if _, err := bedDir(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}
