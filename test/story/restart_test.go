package story

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/frontdoor"
)

// Traffic writes and reads through the front door, all the time, and repeats nothing that failed. It stays below the
// tenant's 200 requests a second: each of two proxies takes half of them, and connections may all be with one.
type traffic struct {
	requests, samples, lines atomic.Int64

	mutex  sync.Mutex
	failed []string

	stop context.CancelFunc
	work sync.WaitGroup
}

// Kinds of clients: connections that are kept, of both protocols, and a new one for each request.
var visitors = []struct {
	name   string
	number int
	door   func(*frontdoor.Door) *frontdoor.Door
}{
	{"http2", 4, (*frontdoor.Door).HTTP2},
	{"http1", 4, (*frontdoor.Door).HTTP1},
	{"new", 2, (*frontdoor.Door).Fresh},
}

func (s *Story) begin(ctx context.Context, token, name string) *traffic {
	l := &traffic{}
	ctx, l.stop = context.WithCancel(ctx)
	for _, kind := range visitors {
		for i := range kind.number {
			l.work.Go(func() { l.run(ctx, kind.door(s.Door), token, name, fmt.Sprint(kind.name, i)) })
		}
	}
	return l
}

// run is one client. The request that is in work at the end is let end.
func (l *traffic) run(ctx context.Context, door *frontdoor.Door, token, name, client string) {
	patient := context.WithoutCancel(ctx)
	for number := 0; ctx.Err() == nil; number++ {
		now := time.Now()
		labels := [][2]string{{"__name__", name}, {"client", client}}
		l.count(client, "write", door.WriteMetrics(patient, token, []frontdoor.Sample{{Labels: labels, Value: 1, Time: now}}), &l.samples)
		l.count(client, "push", door.WriteLogs(patient, token, map[string]string{"app": name, "client": client},
			[]frontdoor.Line{{Time: now, Text: fmt.Sprint("line ", number)}}), &l.lines)
		_, err := door.QueryMetrics(patient, token, "vector(1)", now)
		l.count(client, "query", err, nil)
		_ = pause(ctx, 300*time.Millisecond) // The loop asks again.
	}
}

func (l *traffic) count(client, what string, err error, written *atomic.Int64) {
	l.requests.Add(1)
	if err == nil {
		if written != nil {
			written.Add(1)
		}
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.failed = append(l.failed, fmt.Sprintf("%s %s %s: %v", time.Now().Format("15:04:05.000"), client, what, err))
}

func (l *traffic) end() error {
	l.stop()
	l.work.Wait()
	if len(l.failed) > 0 {
		return fmt.Errorf("%d of %d requests failed:\n%s", len(l.failed), l.requests.Load(), strings.Join(l.failed[:min(len(l.failed), 20)], "\n"))
	}
	return nil
}

// restart replaces every pod of the proxy under load, and waits until the last one before has ended. No request may fail,
// and everything that was taken must be there.
func (s *Story) restart(ctx context.Context, token, name string) (string, error) {
	before, err := s.proxies(ctx)
	if err != nil {
		return "", err
	}
	l := s.begin(ctx, token, name)
	began := time.Now()
	err = s.replace(ctx, before)
	took := time.Since(began)
	// Some load on the new ones alone.
	if err := errors.Join(err, pause(ctx, 3*time.Second), l.end()); err != nil {
		return "", err
	}
	at := time.Now()
	samples, err1 := s.Door.Count(ctx, token, `sum(count_over_time(`+name+`[1h]))`, at)
	lines, err2 := s.Door.CountLogs(ctx, token, `sum(count_over_time({app="`+name+`"}[1h]))`, at)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	if int64(samples) != l.samples.Load() || int64(lines) != l.lines.Load() {
		return "", fmt.Errorf("%v samples of %d and %v lines of %d are there", samples, l.samples.Load(), lines, l.lines.Load())
	}
	return fmt.Sprintf("%d proxies replaced in %.0f s; %d requests, none failed", len(before), took.Seconds(), l.requests.Load()), nil
}

func (s *Story) replace(ctx context.Context, before map[string]bool) error {
	if _, err := s.Kubectl(ctx, "--namespace=proxy", "rollout", "restart", "deployment/proxy"); err != nil {
		return err
	}
	if _, err := s.Kubectl(ctx, "--namespace=proxy", "rollout", "status", "deployment/proxy", "--timeout=3m"); err != nil {
		return err
	}
	for {
		now, err := s.proxies(ctx)
		if err != nil {
			return err
		}
		left := 0
		for name := range now {
			if before[name] {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if err := pause(ctx, time.Second); err != nil {
			return fmt.Errorf("waiting for the end of %d proxies: %w", left, err)
		}
	}
}

func (s *Story) proxies(ctx context.Context) (map[string]bool, error) {
	pods, err := s.Client.CoreV1().Pods("proxy").List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing proxies: %w", err)
	}
	names := map[string]bool{}
	for i := range pods.Items {
		names[pods.Items[i].Name] = true
	}
	return names, nil
}

// two makes the cluster have two proxies.
func (s *Story) two(ctx context.Context) (string, error) {
	file := "clusters/" + s.Cluster + "/cluster.yaml"
	const more = "\ncomponents:\n  proxy:\n    workloads:\n      proxy: {replicas: 2}\n\ncertificates:\n"
	if err := s.Fork.Edit(file, "\ncertificates:\n", more); err != nil {
		return "", err
	}
	if err := s.Publish(ctx, "Have two proxies"); err != nil {
		return "", err
	}
	// Flux takes back what `kubectl rollout restart` wrote, which replaces the pods once more.
	for {
		proxies, err := s.proxies(ctx)
		if err != nil || len(proxies) == 2 {
			return "by a commit", err
		}
		if err := pause(ctx, time.Second); err != nil {
			return "", fmt.Errorf("waiting for two proxies, there are %d: %w", len(proxies), err)
		}
	}
}
