package display

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

var plan = engine.Plan{{Phase: "network"}, {Phase: "network"}, {Phase: "cluster"}}

func event(resource, what, detail string, since time.Time) engine.Event {
	phase, _, _ := strings.Cut(resource, "/")
	return engine.Event{Resource: resource, Phase: phase, What: what, Detail: detail, Since: since, Expected: 10 * time.Minute}
}

func TestPipeGetsALineForWhatHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := New(&out, plan)
		began := time.Now()
		d.Event(event("network/vpc", engine.Started, "", began))
		d.Event(event("network/vpc", engine.Creating, "", began))
		for range 13 {
			time.Sleep(5 * time.Second)
			d.Event(event("network/vpc", engine.Waiting, "pending", began))
		}
		d.Event(event("network/vpc", engine.Created, "", began))
		d.Event(event("network/old", engine.Found, "", time.Now()))
		d.Close()
		want := `network    vpc: creating
network    vpc: waiting: pending  5 s of about 10 m
network    vpc: waiting: pending  35 s of about 10 m
network    vpc: waiting: pending  1 m 5 s of about 10 m
network    vpc: created  1 m 5 s
`
		if got := out.String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func TestTerminalShowsWhatTakesLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(&bytes.Buffer{}, plan)
		d.live = true
		began := time.Now()
		d.Event(event("network/vpc", engine.Created, "", began))
		d.Event(event("cluster/control-plane", engine.Waiting, "CREATING", began))
		d.Event(event("network/nat", engine.Broken, "quota\nhint", began))
		time.Sleep(6*time.Minute + 10*time.Second)
		for phase, want := range map[string]string{
			"network": "network    ██████░░░░░░  1/2  1 failed   0 s",
			"cluster": "cluster    ░░░░░░░░░░░░  0/1   control-plane: waiting, CREATING, 6 m 10 s of about 10 m",
		} {
			if got := d.line(phase, time.Now()); got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		}
	})
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 38 * time.Second: "38 s", 370 * time.Second: "6 m 10 s", 10 * time.Minute: "10 m", 65 * time.Minute: "1 h 5 m",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
