package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// Reporter writes progress. Its methods may be called by several goroutines. A nil reporter is silent.
type Reporter struct {
	mu    sync.Mutex
	out   io.Writer
	live  bool
	total int
	done  int
	// drawn says that the live line is on the screen, shown is when it was drawn.
	drawn bool
	shown time.Time
	// now and width are replaced in tests; width is the terminal's number of columns, 0 where it is not known.
	now   func() time.Time
	width func() int
}

// New makes a reporter for a stream; it is live when the stream is a terminal that can rewrite a line.
func New(out io.Writer) *Reporter {
	r := &Reporter{out: out, now: time.Now, width: func() int { return 0 }}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb" {
		r.live = true
		r.width = func() int {
			columns, _, err := term.GetSize(int(file.Fd()))
			if err != nil {
				return 0
			}
			return columns
		}
	}
	return r
}

// Line prints one line that stays: a verb, padded so that lines align, and what it is about.
func (r *Reporter) Line(verb, format string, arguments ...any) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
	fmt.Fprintf(r.out, "%-10s %s\n", verb, fmt.Sprintf(format, arguments...))
}

// Status shows on a terminal what is going on, until something else is shown. A pipe gets nothing.
func (r *Reporter) Status(verb, format string, arguments ...any) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draw(verb, func() string { return fmt.Sprintf(format, arguments...) })
}

// Expect adds n to the number of steps to come.
func (r *Reporter) Expect(n int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total += n
}

// Step counts one step as done. On a terminal it redraws the live line.
func (r *Reporter) Step(name string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	r.draw("rendering", func() string {
		const width = 24
		filled := min(width*r.done/max(r.total, 1), width)
		bar := strings.Repeat("█", filled) + strings.Repeat("░", width-filled)
		return fmt.Sprintf("%s %d/%d  %s", bar, r.done, r.total, name)
	})
}

// Done takes the live line away.
func (r *Reporter) Done() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clear()
}

// redraw is the shortest time between two drawings of the live line.
const redraw = 50 * time.Millisecond

// draw rewrites the live line. It is cut to the terminal's width: a line that wraps could not be taken away again.
func (r *Reporter) draw(verb string, text func() string) {
	now := r.now()
	if !r.live || r.drawn && now.Sub(r.shown) < redraw {
		return
	}
	line := []rune(fmt.Sprintf("%-10s %s", verb, text()))
	if width := r.width(); width > 1 && len(line) >= width {
		line = append(line[:width-2], '…')
	}
	fmt.Fprint(r.out, eraseLine+string(line))
	r.drawn, r.shown = true, now
}

// eraseLine moves to the line's beginning and empties it.
const eraseLine = "\r\x1b[K"

func (r *Reporter) clear() {
	if r.drawn {
		fmt.Fprint(r.out, eraseLine)
		r.drawn = false
	}
}

// Count is a number with its noun: "1 tenant", "3 tenants".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
