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
	shown time.Time
	// now is replaced in tests.
	now func() time.Time
}

// New makes a reporter for a stream; it is live when the stream is a terminal.
func New(out io.Writer) *Reporter {
	file, ok := out.(*os.File)
	return &Reporter{out: out, live: ok && term.IsTerminal(int(file.Fd())), now: time.Now}
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

// Expect adds n to the number of steps to come.
func (r *Reporter) Expect(n int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total += n
}

// redraw is the shortest time between two drawings of the live line.
const redraw = 50 * time.Millisecond

// Step counts one step as done. On a terminal it redraws the live line.
func (r *Reporter) Step(name string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if now := r.now(); r.live && now.Sub(r.shown) >= redraw {
		r.shown = now
		const width = 24
		filled := width * r.done / max(r.total, 1)
		bar := strings.Repeat("█", filled) + strings.Repeat("░", width-filled)
		fmt.Fprintf(r.out, "\r\x1b[K%-10s %s %d/%d  %s", "rendering", bar, r.done, r.total, name)
	}
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

func (r *Reporter) clear() {
	if r.live {
		fmt.Fprint(r.out, "\r\x1b[K")
	}
}
