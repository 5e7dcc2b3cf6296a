package engine_test

import (
	"testing"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine/killtest"
)

func fresh() killtest.Cloud {
	// Every call is disturbed, so that a wait of ten minutes would be the same call a hundred times.
	c := newCloud(30*time.Second, 10*time.Second)
	return killtest.Cloud{Handler: c, Snapshot: c.Snapshot}
}

func TestUpKilledAtEveryCall(t *testing.T) {
	killtest.Test{New: fresh, Run: up, After: settled}.EveryCall(t)
}

func TestDownKilledAtEveryCall(t *testing.T) {
	killtest.Test{New: fresh, Before: up, Run: down(false)}.EveryCall(t)
}

func TestDownWithDataKilledAtEveryCall(t *testing.T) {
	killtest.Test{New: fresh, Before: up, Run: down(true)}.EveryCall(t)
}
