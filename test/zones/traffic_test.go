package zones

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opsgen/opsgen/test/frontdoor"
)

const (
	// each is how many samples, or lines, are in a write; pause is between two writes, and two queries.
	each  = 20
	pause = 250 * time.Millisecond
)

// A kindOf data is metrics or logs.
type kindOf struct {
	name  string
	write func(context.Context, int) error
	count func(context.Context) (float64, error)

	// written was acknowledged; writes and queries are requests, refused and unanswered those of them that failed.
	written, writes, refused, queries, unanswered atomic.Int64
}

// traffic writes and reads as agents and people do, until it is stopped.
type traffic struct {
	kinds []*kindOf
	end   chan struct{}
	done  sync.WaitGroup

	mu    sync.Mutex
	wrong []error
}

func newTraffic(ctx context.Context, door *frontdoor.Door, token, name string) *traffic {
	t := &traffic{end: make(chan struct{}), kinds: []*kindOf{
		{name: "samples", write: func(ctx context.Context, round int) error {
			return door.WriteMetrics(ctx, token, samplesOf(name, round))
		}, count: func(ctx context.Context) (float64, error) {
			return door.Count(ctx, token, "sum(count_over_time("+name+"[1h]))", time.Now())
		}},
		{name: "lines", write: func(ctx context.Context, round int) error {
			return door.WriteLogs(ctx, token, map[string]string{"app": name}, linesOf(round))
		}, count: func(ctx context.Context) (float64, error) {
			return door.CountLogs(ctx, token, `sum(count_over_time({app="`+name+`"}[1h]))`, time.Now().Add(time.Second))
		}},
	}}
	for _, k := range t.kinds {
		t.keep(ctx, k.writeOnce)
		t.keep(ctx, k.readOnce)
	}
	return t
}

func samplesOf(name string, round int) []frontdoor.Sample {
	samples, at := make([]frontdoor.Sample, each), time.Now()
	for i := range samples {
		samples[i] = frontdoor.Sample{Labels: [][2]string{{"__name__", name}, {"number", strconv.Itoa(i)}}, Value: float64(round), Time: at}
	}
	return samples
}

func linesOf(round int) []frontdoor.Line {
	lines, at := make([]frontdoor.Line, each), time.Now()
	for i := range lines {
		lines[i] = frontdoor.Line{Time: at.Add(time.Duration(i)), Text: fmt.Sprintf("line %d of round %d", i, round)}
	}
	return lines
}

// keep does something again and again, until the end or an answer that may not be.
func (t *traffic) keep(ctx context.Context, do func(context.Context, int) error) {
	t.done.Go(func() {
		for round := 0; ; round++ {
			if err := do(ctx, round); err != nil {
				t.mu.Lock()
				t.wrong = append(t.wrong, err)
				t.mu.Unlock()
				return
			}
			select {
			case <-t.end:
				return
			case <-time.After(pause):
			}
		}
	})
}

// writeOnce sends one batch until it is acknowledged. A 4xx would make an agent drop it.
func (k *kindOf) writeOnce(ctx context.Context, round int) error {
	for {
		k.writes.Add(1)
		err := k.write(ctx, round)
		if err == nil {
			k.written.Add(each)
			return nil
		}
		k.refused.Add(1)
		var status *frontdoor.Status
		if errors.As(err, &status) && status.Code/100 == 4 && status.Code != http.StatusTooManyRequests {
			return fmt.Errorf("an agent would have dropped these %s: %w", k.name, err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s were never acknowledged: %w", k.name, err)
		case <-time.After(pause):
		}
	}
}

// readOnce counts. Less than what was acknowledged before is a wrong answer; none is one that people see.
func (k *kindOf) readOnce(ctx context.Context, _ int) error {
	want := k.written.Load()
	k.queries.Add(1)
	got, err := k.count(ctx)
	if err != nil {
		k.unanswered.Add(1)
		return nil //nolint:nilerr // It is counted.
	}
	if int64(got) < want {
		return fmt.Errorf("a query answered %v %s of %d that were acknowledged", got, k.name, want)
	}
	return nil
}

// goesOn waits until so many further batches of each kind were acknowledged and counted again.
func (t *traffic) goesOn(ctx context.Context, batches int64) error {
	for _, k := range t.kinds {
		want := k.written.Load() + batches*each
		for k.written.Load() < want {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s are not written: %w", k.name, ctx.Err())
			case <-time.After(pause):
			}
		}
		if got, err := k.count(ctx); err != nil || int64(got) < want {
			return fmt.Errorf("%v of %d %s are there: %w", got, want, k.name, err)
		}
	}
	return t.problems()
}

func (t *traffic) problems() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return errors.Join(t.wrong...)
}

// stop ends it and counts everything once more.
func (t *traffic) stop(ctx context.Context) (string, error) {
	close(t.end)
	t.done.Wait()
	if err := t.problems(); err != nil {
		return "", err
	}
	text := ""
	for _, k := range t.kinds {
		got, err := k.count(ctx)
		if err != nil || int64(got) != k.written.Load() {
			return "", fmt.Errorf("%v of %d acknowledged %s are there: %w", got, k.written.Load(), k.name, err)
		}
		text += fmt.Sprintf("%d %s, none lost, %d of %d writes and %d of %d queries failed; ",
			k.written.Load(), k.name, k.refused.Load(), k.writes.Load(), k.unanswered.Load(), k.queries.Load())
	}
	return text, nil
}

func TestTrafficSeesWhatIsLost(t *testing.T) {
	t.Parallel()
	k := &kindOf{name: "samples", count: func(context.Context) (float64, error) { return 39, nil }}
	k.written.Store(40)
	if err := k.readOnce(t.Context(), 0); err == nil {
		t.Error("39 of 40 samples are enough")
	}
	k.write = func(context.Context, int) error { return &frontdoor.Status{Code: http.StatusBadRequest} }
	if err := k.writeOnce(t.Context(), 0); err == nil {
		t.Error("a write was dropped, and nothing was said")
	}
	lost := &traffic{kinds: []*kindOf{k}, end: make(chan struct{})}
	if _, err := lost.stop(t.Context()); err == nil {
		t.Error("39 of 40 samples are all")
	}
}
