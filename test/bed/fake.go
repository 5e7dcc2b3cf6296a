package bed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/controlplane"
	"github.com/opsgen/opsgen/test/fake"
	"github.com/opsgen/opsgen/test/node"
)

// Zones are those that nodes are put into in turn.
func Zones() []string { return []string{"z1", "z2", "z3"} }

// fakeOnly says that a bed has no real nodes: its control plane then runs as plain processes on a loopback address,
// without namespaces, and so without root.
func (s *state) fakeOnly() bool { return s.Plane.Address.IsLoopback() }

// loopback is a bed's own address, so that beds side by side use the same ports.
func (s *state) loopback() netip.Addr {
	return netip.AddrFrom4([4]byte{127, 0, byte(200 + s.Index), 1}) //nolint:gosec // Less than maxBeds.
}

// AddFakeNodes adds count nodes that only say that they run pods, in the zones in turn, and waits until they are ready.
// It answers their names. Beside real nodes they are tainted with fake.Label: only pods that tolerate it are placed on
// them.
func (b *Bed) AddFakeNodes(ctx context.Context, count int, zones []string) ([]string, error) {
	if count < 1 || len(zones) == 0 {
		return nil, errors.New("adding fake nodes: at least one node and one zone")
	}
	if !b.state.fakeOnly() {
		if err := b.startKwok(ctx); err != nil {
			return nil, err
		}
	}
	names, err := fake.Add(ctx, b.client, count, zones, !b.state.fakeOnly())
	if err != nil {
		return nil, fmt.Errorf("adding fake nodes: %w", err)
	}
	return names, await(ctx, "fake nodes", nodesReady(b.client, names))
}

// startKwok has the switch play fake nodes from now on.
func (b *Bed) startKwok(ctx context.Context) error {
	programs, err := build.Ensure(ctx, []string{"kwok"}, build.Options{Progress: b.progress})
	if err != nil {
		return fmt.Errorf("building kwok: %w", err)
	}
	if err := os.Symlink(programs["kwok"], filepath.Join(b.state.Programs, "kwok")); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("linking kwok: %w", err)
	}
	return b.state.call(ctx, http.MethodPost, "/kwok", nil)
}

func (s *state) kwok() fake.Kwok {
	// Addresses of documentation (RFC 5737, RFC 2544): nobody reaches a fake pod.
	return fake.Kwok{
		Program: filepath.Join(s.Programs, "kwok"), Kubeconfig: s.Plane.KubeconfigFile(controlplane.FakeNodes),
		Dir: filepath.Join(s.Dir, "fake"), Address: netip.MustParseAddr("192.0.2.1"), Pods: netip.MustParsePrefix("198.18.0.0/15"),
	}
}

// planeProcesses are the control plane's programs.
func (s *state) planeProcesses() ([]node.Process, error) {
	programs := map[string]string{}
	for _, p := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"} {
		programs[p] = filepath.Join(s.Programs, p)
	}
	processes, err := s.Plane.Processes(programs)
	if err != nil {
		return nil, fmt.Errorf("preparing the control plane: %w", err)
	}
	return processes, nil
}

// hostProcesses are what the switch of a bed without real nodes runs.
func (s *state) hostProcesses() ([]node.Process, error) {
	processes, err := s.planeProcesses()
	if err != nil {
		return nil, err
	}
	kwok, err := s.kwok().Process()
	if err != nil {
		return nil, fmt.Errorf("preparing fake nodes: %w", err)
	}
	return append(processes, kwok), nil
}
