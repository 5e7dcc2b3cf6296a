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
		if !errors.Is(err, engine.ErrLost) {
			t.Errorf("got %v", err)
		}
		if there, _, err := leases.Read(t.Context()); err != nil || there.Run != "thief" {
			t.Errorf("the other's lease is gone: %+v, %v", there, err)
		}
	})
}
