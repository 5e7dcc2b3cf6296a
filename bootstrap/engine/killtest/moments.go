package killtest

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// recording is what an undisturbed run did.
type recording struct {
	// begun is the cloud before the run.
	begun moment
	// snapshot is what the run left, calls how many it made.
	snapshot string
	calls    int
	// moments are all states of the cloud in which the run can be killed, for clouds that can be copied.
	moments []moment
}

// moment is a cloud at a time.
type moment struct {
	what  string
	at    time.Time
	cloud Cloud
}

// wait lets the fake time go on to the moment: in each test it begins anew.
func (m *moment) wait() { time.Sleep(time.Until(m.at)) }

// record does one undisturbed run. A process that is killed leaves nothing but the cloud, so a copy of the cloud from before
// and from after each call is all that any killed run could leave. Where the cloud looks the same as at an earlier call, as
// after one that only reads, the next run would do the same.
func (k Test) record(t *testing.T) *recording {
	t.Helper()
	r := &recording{}
	synctest.Test(t, func(t *testing.T) {
		cloud := k.New()
		k.must(t, cloud, "before", k.Before)
		line := &transport{handler: cloud.Handler}
		if cloud.Copy != nil {
			r.begun = moment{at: time.Now(), cloud: cloud.Copy()}
			known := map[string]bool{}
			line.seen = func(call string) {
				if view := cloud.View(); k.All || !known[view] {
					known[view] = true
					r.moments = append(r.moments, moment{what: call, at: time.Now(), cloud: cloud.Copy()})
				}
			}
		}
		if err := k.Run(t.Context(), line); err != nil {
			t.Fatalf("undisturbed: %v", err)
		}
		k.must(t, cloud, "after", k.After)
		r.snapshot, r.calls = cloud.Snapshot(), line.calls
	})
	return r
}

// killedAtEveryMoment runs the program again from each moment, on all processors.
func (k Test) killedAtEveryMoment(t *testing.T, r *recording) {
	t.Helper()
	workers := runtime.GOMAXPROCS(0)
	t.Run("killed", func(t *testing.T) {
		for first := range workers {
			t.Run(fmt.Sprint(first), func(t *testing.T) {
				t.Parallel()
				for i := first; i < len(r.moments) && !t.Failed(); i += workers {
					m := &r.moments[i]
					synctest.Test(t, func(t *testing.T) {
						m.wait()
						what := fmt.Sprintf("killed %s, %s into the test", m.what, m.at.Sub(r.begun.at))
						k.must(t, m.cloud, what+", run again", k.Run)
						k.compare(t, m.cloud, what, r.snapshot)
					})
					m.cloud = Cloud{} // it was used up
				}
			})
		}
	})
}
