package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/engine/fakecloud"
	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

func TestTwoRunsAtOnceAreRefused(t *testing.T) {
	inFakeTime(t, func(t *testing.T, cloud *fakecloud.Cloud, w *world) {
		second := newWorld(killtest.Direct(cloud))
		err := w.run(t.Context(), "up", func(ctx context.Context) error {
			refused := second.run(ctx, "down", func(context.Context) error { return errors.New("two runs at once") })
			var held *engine.HeldError
			if !errors.As(refused, &held) || !strings.Contains(refused.Error(), "`bootstrap up`") {
				t.Errorf("the second run: %v", refused)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := second.run(t.Context(), "down", func(context.Context) error { return nil }); err != nil {
			t.Errorf("after the first run: %v", err)
		}
		if left := cloud.Snapshot(); left != "" {
			t.Errorf("left: %s", left)
		}
	})
}

func TestLeaseOfAKilledRunIsTakenOver(t *testing.T) {
	inFakeTime(t, func(t *testing.T, _ *fakecloud.Cloud, w *world) {
		leases := fakecloud.Leases{Client: w.client}
		// A clock that is a year ahead changes nothing.
		if _, err := leases.Write(t.Context(), engine.Lease{Run: "killed", Renewed: time.Now().AddDate(1, 0, 0)}, ""); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := w.run(t.Context(), "up", func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited < time.Minute || waited > 2*time.Minute {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestRunEndsWhenItsLeaseIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(controlPlane, nodes)
		cloud.Throttle = 0
		w := newWorld(killtest.Direct(cloud))
		leases := fakecloud.Leases{Client: w.client}
		err := w.run(t.Context(), "up", func(ctx context.Context) error {
			_, version, err := leases.Read(ctx)
			if err != nil {
				return err
			}
			if _, err := leases.Write(ctx, engine.Lease{Run: "thief"}, version); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		})
		if !errors.Is(err, engine.ErrLost) || !strings.Contains(err.Error(), "See who else works") {
			t.Errorf("got %v", err)
		}
		if there, _, err := leases.Read(t.Context()); err != nil || there.Run != "thief" {
			t.Errorf("the other's lease is gone: %+v, %v", there, err)
		}
	})
}

// brokenLeases fail in one way.
type brokenLeases struct {
	read, write error
	reads       *int
}

func (b brokenLeases) Place() string { return "shelf 7" }

func (b brokenLeases) Read(context.Context) (engine.Lease, string, error) {
	*b.reads++
	return engine.Lease{}, "", b.read
}

func (b brokenLeases) Write(context.Context, engine.Lease, string) (string, error) {
	return "", b.write
}

func (b brokenLeases) Remove(context.Context, string) error { return nil }

// TestALeaseThatCannotBeHadSaysWhatToDo: with the cloud's own advice, or where nothing answers, with ours, and in bounded time.
func TestALeaseThatCannotBeHadSaysWhatToDo(t *testing.T) {
	refused, silent := errors.New("forbidden"), errors.New("connection refused")
	classify := func(err error) engine.Verdict {
		if errors.Is(err, refused) {
			return engine.Verdict{Hint: "Ask for the right."}
		}
		return engine.Verdict{Class: engine.Uncertain}
	}
	for name, test := range map[string]struct {
		leases brokenLeases
		says   string
		most   time.Duration
	}{
		"may not read":    {brokenLeases{read: refused}, "read the lease (shelf 7): forbidden\n  Ask for the right.", 0},
		"may not write":   {brokenLeases{write: refused}, "write the lease (shelf 7): forbidden\n  Ask for the right.", 0},
		"nothing answers": {brokenLeases{read: silent}, "read the lease (shelf 7): connection refused\n  Check the network", 3 * time.Minute},
		"nothing written": {brokenLeases{write: silent}, "write the lease (shelf 7): connection refused\n  Check the network", 3 * time.Minute},
		"somebody's file": {brokenLeases{read: engine.ErrUnreadable}, "read the lease (shelf 7): it is not what bootstrap writes\n  Delete it when nobody", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				test.leases.reads = new(int)
				err := engine.Hold(t.Context(), engine.Holding{Leases: test.leases, Classify: classify}, func(context.Context) error {
					t.Error("it ran without the lease")
					return nil
				})
				if err == nil || !strings.HasPrefix(err.Error(), test.says) {
					t.Errorf("it says: %v", err)
				}
				if took := time.Since(began); took > test.most || test.most > 0 && *test.leases.reads < 10 {
					t.Errorf("it took %s, and %d looks", took, *test.leases.reads)
				}
			})
		})
	}
}
