package display

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// Display shows one run. Its methods may be called by several goroutines.
type Display struct {
	mu     sync.Mutex
	out    io.Writer
	live   bool
	width  func() int
	phases []string
	total  map[string]int
	// going are the resources whose turn has come, by name, with their last event.
	going map[string]engine.Event
	// done counts the resources of each phase that are done, began and ended are when the phase's first began and last ended.
	done         map[string]int
	broken       map[string]int
	began, ended map[string]time.Time
	// lines is the number of lines on the screen.
	lines int
	// said is when a pipe was last told that a resource waits, and what.
	said map[string]said
	stop chan struct{}
	wait sync.WaitGroup
}

type said struct {
	at   time.Time
	what string
}

// redraw is the time between two drawings, repeat the time after which a pipe is told again that something waits.
const (
	redraw = 200 * time.Millisecond
	repeat = 30 * time.Second
)

// New shows a run of the given resources; the plan says which. It is live when out is a terminal.
func New(out io.Writer, plan engine.Plan) *Display {
	d := &Display{
		out: out, width: func() int { return 0 }, total: map[string]int{}, done: map[string]int{}, broken: map[string]int{},
		going: map[string]engine.Event{}, began: map[string]time.Time{}, ended: map[string]time.Time{}, said: map[string]said{}, stop: make(chan struct{}),
	}
	for _, step := range plan {
		if d.total[step.Phase] == 0 {
			d.phases = append(d.phases, step.Phase)
		}
		d.total[step.Phase]++
	}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		d.live = true
		d.width = func() int {
			columns, _, err := term.GetSize(int(file.Fd()))
			if err != nil {
				return 0
			}
			return columns
		}
		d.wait.Go(d.animate)
	}
	return d
}

// animate redraws, so that the time goes on while nothing happens.
func (d *Display) animate() {
	ticker := time.NewTicker(redraw)
	defer ticker.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-ticker.C:
			d.mu.Lock()
			d.draw(time.Now())
			d.mu.Unlock()
		}
	}
}

// Close draws the last state and leaves it on the screen.
func (d *Display) Close() {
	close(d.stop)
	d.wait.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live {
		d.draw(time.Now())
	}
}

// Event shows what happened. It is engine.Options.Events.
func (d *Display) Event(e engine.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if d.began[e.Phase].IsZero() {
		d.began[e.Phase] = now
	}
	if e.Final() {
		delete(d.going, e.Resource)
		d.done[e.Phase]++
		d.ended[e.Phase] = now
		if e.What == engine.Broken || e.What == engine.Skipped {
			d.done[e.Phase]--
			d.broken[e.Phase]++
		}
	} else {
		d.going[e.Resource] = e
	}
	if !d.live {
		d.say(e, now)
	}
}

// Note prints a line that stays, above what is redrawn.
func (d *Display) Note(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.live && d.lines > 0 {
		fmt.Fprintf(d.out, "\x1b[%dA\x1b[J", d.lines)
		d.lines = 0
	}
	fmt.Fprintln(d.out, text)
}

// say writes a line for what a reader of a log wants to know.
func (d *Display) say(e engine.Event, now time.Time) {
	switch e.What {
	case engine.Started, engine.Found:
		return
	case engine.Waiting, engine.Retrying:
		last := d.said[e.Resource]
		if last.what == e.Detail && now.Sub(last.at) < repeat || now.Sub(e.Since) < redraw {
			return
		}
		d.said[e.Resource] = said{at: now, what: e.Detail}
	}
	_, name, _ := strings.Cut(e.Resource, "/")
	line := fmt.Sprintf("%-11s%s: %s", e.Phase, name, e.What)
	if e.Detail != "" {
		text, _, _ := strings.Cut(e.Detail, "\n")
		line += ": " + text
	}
	if took := now.Sub(e.Since); took >= time.Second {
		line += "  " + Duration(took)
		if e.Expected > time.Minute && e.What == engine.Waiting {
			line += " of about " + Duration(e.Expected)
		}
	}
	fmt.Fprintln(d.out, line)
}

// draw rewrites all lines. Lines are cut to the terminal's width: one that wraps could not be taken away again.
func (d *Display) draw(now time.Time) {
	var b strings.Builder
	if d.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", d.lines)
	}
	width := d.width()
	for _, phase := range d.phases {
		line := []rune(d.line(phase, now))
		if width > 1 && len(line) >= width {
			line = append(line[:width-2], '…')
		}
		b.WriteString("\r\x1b[K" + string(line) + "\n")
	}
	d.lines = len(d.phases)
	fmt.Fprint(d.out, b.String())
}

// bar is the number of characters of a bar.
const bar = 12

// line is one phase: its bar, how many are done, the time, and what takes longest.
func (d *Display) line(phase string, now time.Time) string {
	total, done := d.total[phase], d.done[phase]
	filled := bar * done / max(total, 1)
	line := fmt.Sprintf("%-11s%s%s %2d/%d", phase, strings.Repeat("█", filled), strings.Repeat("░", bar-filled), done, total)
	if n := d.broken[phase]; n > 0 {
		line += fmt.Sprintf("  %d failed", n)
	}
	slowest := d.slowest(phase)
	switch {
	case d.began[phase].IsZero():
		return line
	case slowest == nil && done+d.broken[phase] >= total:
		return line + "   " + Duration(d.ended[phase].Sub(d.began[phase]))
	case slowest == nil:
		return line
	}
	_, name, _ := strings.Cut(slowest.Resource, "/")
	line += fmt.Sprintf("   %s: %s", name, slowest.What)
	if slowest.Detail != "" {
		text, _, _ := strings.Cut(slowest.Detail, "\n")
		line += ", " + text
	}
	line += ", " + Duration(now.Sub(slowest.Since))
	if slowest.Expected > time.Minute {
		line += " of about " + Duration(slowest.Expected)
	}
	return line
}

// slowest is the resource of a phase that began first and is not done.
func (d *Display) slowest(phase string) *engine.Event {
	var first *engine.Event
	for _, name := range sortedKeys(d.going) {
		e := d.going[name]
		if e.Phase == phase && (first == nil || e.Since.Before(first.Since)) {
			first = &e
		}
	}
	return first
}

func sortedKeys(m map[string]engine.Event) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Duration is a time as people say it: "38 s", "6 m 10 s", "10 m", "1 h 5 m".
func Duration(d time.Duration) string {
	d = d.Round(time.Second)
	hours, minutes, seconds := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case hours > 0:
		return fmt.Sprintf("%d h %d m", hours, minutes)
	case minutes > 0 && seconds > 0:
		return fmt.Sprintf("%d m %d s", minutes, seconds)
	case minutes > 0:
		return fmt.Sprintf("%d m", minutes)
	default:
		return fmt.Sprintf("%d s", seconds)
	}
}
