package story

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opsgen/opsgen/test/frontdoor"
)

const (
	// loadSeries are written in each round, one sample each, and loadLines lines.
	loadSeries, loadLines = 20, 20
)

// load writes and reads as agents do while something happens to the cluster.
type load struct {
	life  *life
	name  string
	began time.Time
	// samples and lines were acknowledged.
	samples, lines atomic.Int64
	// sent and failed count requests, read and unread queries.
	sent, failed, read, unread atomic.Int64

	mu sync.Mutex
	// wrong are answers that no failure explains.
	wrong []error
	// end stops new rounds; those that began go on until they are acknowledged.
	end  chan struct{}
	done sync.WaitGroup
}

func (l *life) startLoad(ctx context.Context, name string) *load {
	p := &load{life: l, name: name, began: time.Now(), end: make(chan struct{})}
	for _, work := range []func(context.Context, int) error{p.writeMetrics, p.writeLogs, p.readMetrics, p.readLogs} {
		p.done.Go(func() {
			for round := 0; ; round++ {
				if err := work(ctx, round); err != nil {
					p.mu.Lock()
					p.wrong = append(p.wrong, err)
					p.mu.Unlock()
					return
				}
				select {
				case <-p.end:
					return
				case <-time.After(loadPause):
				}
			}
		})
	}
	return p
}

// write sends one batch until it is acknowledged, and counts it.
func (p *load) write(ctx context.Context, done *atomic.Int64, count int64, send func(context.Context) error) error {
	refused, err := acknowledged(ctx, send)
	p.sent.Add(refused + 1)
	p.failed.Add(refused)
	if err == nil {
		done.Add(count)
	}
	return err
}

func (p *load) writeMetrics(ctx context.Context, round int) error {
	samples, at := make([]frontdoor.Sample, loadSeries), time.Now()
	for i := range samples {
		samples[i] = frontdoor.Sample{
			Labels: [][2]string{{"__name__", p.name}, {"number", fmt.Sprintf("%04d", i)}}, Value: float64(round), Time: at,
		}
	}
	return p.write(ctx, &p.samples, loadSeries, func(ctx context.Context) error {
		return p.life.Door.WriteMetrics(ctx, p.life.token, samples)
	})
}

func (p *load) writeLogs(ctx context.Context, round int) error {
	lines, at := make([]frontdoor.Line, loadLines), time.Now()
	for i := range lines {
		lines[i] = frontdoor.Line{Time: at.Add(time.Duration(i)), Text: fmt.Sprintf("line %d of round %d", i, round)}
	}
	return p.write(ctx, &p.lines, loadLines, func(ctx context.Context) error {
		return p.life.Door.WriteLogs(ctx, p.life.token, map[string]string{"app": p.name}, lines)
	})
}

func (p *load) readMetrics(ctx context.Context, _ int) error {
	return p.count(ctx, "samples", &p.samples, p.countSamples)
}

func (p *load) readLogs(ctx context.Context, _ int) error {
	return p.count(ctx, "lines", &p.lines, p.countLines)
}

// count counts what was acknowledged before it asked. An answer of less is wrong; no answer is an error that a person
// sees.
func (p *load) count(ctx context.Context, what string, done *atomic.Int64, ask func(context.Context) (float64, error)) error {
	want := done.Load()
	p.read.Add(1)
	got, err := ask(ctx)
	switch {
	case err != nil:
		p.unread.Add(1)
	case int64(got) < want:
		return fmt.Errorf("a query answered %v %s of %d that were acknowledged", got, what, want)
	}
	return nil
}

func (p *load) countSamples(ctx context.Context) (float64, error) {
	return p.life.Door.Count(ctx, p.life.token, "sum(count_over_time("+p.name+"[1h]))", time.Now())
}

func (p *load) countLines(ctx context.Context) (float64, error) {
	return p.life.Door.CountLogs(ctx, p.life.token, `sum(count_over_time({app="`+p.name+`"}[1h]))`, time.Now().Add(time.Second))
}

// readable says that everything that was acknowledged is there, and nothing twice.
func (p *load) readable(ctx context.Context) error {
	metrics, err := p.countSamples(ctx)
	if err != nil {
		return fmt.Errorf("counting samples: %w", err)
	}
	logs, err := p.countLines(ctx)
	if err != nil {
		return fmt.Errorf("counting lines: %w", err)
	}
	if int64(metrics) != p.samples.Load() || int64(logs) != p.lines.Load() {
		return fmt.Errorf("%v of %d acknowledged samples and %v of %d lines are there", metrics, p.samples.Load(), logs, p.lines.Load())
	}
	return nil
}

// stop ends the load and counts everything again.
func (p *load) stop(ctx context.Context) (string, error) {
	close(p.end)
	p.done.Wait()
	if err := errors.Join(p.wrong...); err != nil {
		return "", err
	}
	if err := p.readable(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d samples, %d lines, none lost; %d of %d writes tried again, %d of %d queries failed",
		p.samples.Load(), p.lines.Load(), p.failed.Load(), p.sent.Load(), p.unread.Load(), p.read.Load()), nil
}

// upgradeUnderLoad goes from one bundle to another that replaces the pods of Cortex, Loki and the proxy.
func (l *life) upgradeUnderLoad(ctx context.Context) (string, error) {
	before, err := l.podNames(ctx)
	if err != nil {
		return "", err
	}
	for _, target := range [][3]string{{"cortex", "StatefulSet", "cortex"}, {"loki", "StatefulSet", "loki"}, {"proxy", "Deployment", "proxy"}} {
		if err := l.patch(target[0], target[1], target[2], `
- op: replace
  path: /spec/template/spec/containers/0/resources/requests/cpu
  value: 123m`); err != nil {
			return "", err
		}
	}
	p := l.startLoad(ctx, "delivery_upgrade")
	if err := l.Publish(ctx, "Ask for less"); err != nil {
		return "", err
	}
	text, err := p.stop(ctx)
	if err != nil {
		return "", err
	}
	return text, l.replaced(ctx, before)
}

// replaced says that pods of Cortex, Loki and the proxy are others than before.
func (l *life) replaced(ctx context.Context, before map[string]bool) error {
	after, err := l.podNames(ctx)
	if err != nil {
		return err
	}
	replaced := map[string]bool{}
	for name := range before {
		if !after[name] {
			namespace, _, _ := strings.Cut(name, "/")
			replaced[namespace] = true
		}
	}
	for _, namespace := range []string{"cortex", "loki", "proxy"} {
		if !replaced[namespace] {
			return fmt.Errorf("no pod of %s was replaced: nothing changed", namespace)
		}
	}
	return nil
}
