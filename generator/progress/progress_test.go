package progress

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// screen is a reporter on a terminal of the test's own, whose clock the test moves.
type screen struct {
	*Reporter
	text  strings.Builder
	clock time.Time
	width int
}

func newScreen() *screen {
	s := &screen{clock: time.Unix(0, 0), width: 80}
	s.Reporter = &Reporter{
		out: &s.text, live: true,
		now: func() time.Time { return s.clock }, width: func() int { return s.width },
	}
	return s
}

// rows is what a person sees at the end: rewritten lines count once.
func (s *screen) rows() []string {
	var rows []string
	for row := range strings.Lines(s.text.String()) {
		rows = append(rows, strings.TrimSuffix(row[strings.LastIndex(row, eraseLine)+1:], "\n"))
	}
	for i := range rows {
		rows[i] = strings.TrimPrefix(rows[i], strings.TrimPrefix(eraseLine, "\r"))
	}
	return rows
}

func (s *screen) wantRows(t *testing.T, want ...string) {
	t.Helper()
	if got := s.rows(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the screen shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTerminalShowsOneLiveLine(t *testing.T) {
	s := newScreen()
	s.Line("rendering", "%s", "prod")
	s.Expect(4)
	for i := range 3 {
		s.clock = s.clock.Add(time.Second)
		s.Step(fmt.Sprintf("prod unit-%d", i))
	}
	s.wantRows(t, "rendering  prod", "rendering  "+strings.Repeat("█", 18)+strings.Repeat("░", 6)+" 3/4  prod unit-2")
	s.Line("fetched", "chart")
	s.wantRows(t, "rendering  prod", "fetched    chart")
	s.Step("prod unit-3")
	s.Done()
	s.Done()
	s.wantRows(t, "rendering  prod", "fetched    chart", "")
}

func TestTerminalIsNotRedrawnTooOften(t *testing.T) {
	s := newScreen()
	s.Expect(1000)
	for range 1000 {
		s.clock = s.clock.Add(time.Millisecond)
		s.Step("x")
	}
	if drawn := strings.Count(s.text.String(), eraseLine); drawn != 20 {
		t.Errorf("drawn %d times in a second, want 20", drawn)
	}
}

// A live line that wraps leaves its upper rows behind when it is rewritten.
func TestLiveLineFitsTheTerminal(t *testing.T) {
	for _, width := range []int{2, 10, 40, 79} {
		s := newScreen()
		s.width = width
		s.Status("fetching", "%s", strings.Repeat("ä", 100))
		line := []rune(strings.TrimPrefix(s.text.String(), eraseLine))
		if len(line) != width-1 || line[len(line)-1] != '…' {
			t.Errorf("%d columns: the line has %d: %q", width, len(line), string(line))
		}
	}
	s := newScreen()
	s.width = 0 // not known
	s.Status("fetching", "chart")
	s.wantRows(t, "fetching   chart")
}

func TestMoreStepsThanExpectedStayInTheBar(t *testing.T) {
	s := newScreen()
	s.Step("x")
	s.wantRows(t, "rendering  "+strings.Repeat("█", 24)+" 1/0  x")
}

// Logs of CI hold whole lines only.
func TestPipeGetsPlainLines(t *testing.T) {
	var text strings.Builder
	r := New(&text)
	r.Line("rendering", "prod")
	r.Expect(1)
	r.Status("fetching", "chart 1 MB")
	r.Step("prod unit")
	r.Line("note", "%d %%", 5)
	r.Done()
	if want := "rendering  prod\nnote       5 %\n"; text.String() != want {
		t.Errorf("got %q, want %q", text.String(), want)
	}
}

func TestFileIsNoTerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := New(file)
	r.Step("x")
	r.Done()
	if info, err := file.Stat(); err != nil || info.Size() != 0 {
		t.Errorf("a file got a live line: %v, %v", info.Size(), err)
	}
}

func TestNilReporterIsSilent(t *testing.T) {
	var r *Reporter
	r.Line("a", "b")
	r.Status("a", "b")
	r.Expect(1)
	r.Step("a")
	r.Done()
}

// Units are rendered, and sources fetched, by several goroutines at a time; run with -race.
func TestReporterIsShared(t *testing.T) {
	s := newScreen()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 100 {
				s.Expect(1)
				s.Step("x")
				s.Status("fetching", "y")
				s.Line("fetched", "z")
			}
		})
	}
	group.Wait()
	if lines := strings.Count(s.text.String(), "fetched    z\n"); lines != 400 {
		t.Errorf("%d of 400 lines are whole", lines)
	}
}
