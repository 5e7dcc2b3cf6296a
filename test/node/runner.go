package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// A Runner keeps processes running and collects every child that ends, also those it inherits as a namespace's first
// process. A program has at most one, and starts no children by other means while it runs.
type Runner struct {
	logs   string
	null   *os.File
	starts chan func()

	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

// NewRunner returns a runner whose processes log to <logs>/<name>.log. It works until ctx ends.
func NewRunner(ctx context.Context, logs string) (*Runner, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, fmt.Errorf("opening what processes read: %w", err)
	}
	r := &Runner{logs: logs, null: null, starts: make(chan func()), waiting: map[int]chan syscall.WaitStatus{}}
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	go r.reap(ctx, children)
	go func() {
		// A parent-death signal is sent when the thread that started the child ends, so one thread starts them all
		// and never ends before the program does.
		runtime.LockOSThread()
		for start := range r.starts {
			start()
		}
	}()
	return r, nil
}

func (r *Runner) reap(ctx context.Context, children <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-children:
		}
		for {
			var status syscall.WaitStatus
			// The lock makes a child that ends at once known before it is collected.
			r.mu.Lock()
			pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
			done, known := r.waiting[pid]
			delete(r.waiting, pid)
			r.mu.Unlock()
			if known {
				done <- status
			}
			if pid <= 0 && !errors.Is(err, syscall.EINTR) {
				break
			}
		}
	}
}

// Start starts a program once. The channel delivers its end.
func (r *Runner) Start(p Process, attributes *syscall.ProcAttr) (int, <-chan syscall.WaitStatus, error) {
	type result struct {
		pid int
		err error
	}
	done, results := make(chan syscall.WaitStatus, 1), make(chan result, 1)
	r.starts <- func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		pid, err := syscall.ForkExec(p.Path, append([]string{p.Path}, p.Args...), attributes)
		if err == nil {
			r.waiting[pid] = done
		}
		results <- result{pid, err}
	}
	got := <-results
	if got.err != nil {
		return 0, nil, fmt.Errorf("starting %s: %w", p.Name, got.err)
	}
	return got.pid, done, nil
}

// Run starts a program and waits for its end. Its output is in the error when it fails.
func (r *Runner) Run(path string, args ...string) error {
	out, err := os.CreateTemp("", "bed-output-")
	if err != nil {
		return fmt.Errorf("running %s: %w", path, err)
	}
	defer out.Close()
	defer os.Remove(out.Name())
	_, done, err := r.Start(Process{Name: path, Path: path, Args: args}, r.attributes(out, nil))
	if err != nil {
		return err
	}
	if status := <-done; status.ExitStatus() != 0 {
		text, _ := os.ReadFile(out.Name()) //nolint:errcheck // Without the output, the status must do.
		return fmt.Errorf("%s %v: status %d: %s", path, args, status.ExitStatus(), text)
	}
	return nil
}

// Keep runs a process and starts it again whenever it ends, until ctx ends; then it is killed. What must come before it is
// repeated until it succeeds.
func (r *Runner) Keep(ctx context.Context, p Process) {
	pause := firstPause
	next, first := p, len(p.Before) > 0
	if first {
		next.Path, next.Args = p.Before[0], p.Before[1:]
	}
	for ctx.Err() == nil {
		began := time.Now()
		status, err := r.once(ctx, next)
		if first && err == nil && status.Exited() && status.ExitStatus() == 0 {
			next, first = p, false
			continue
		}
		slog.Warn("a process ended", "process", p.Name, "program", next.Path, "error", err, "exit", status.ExitStatus(),
			"signal", status.Signal(), "after", time.Since(began).Round(time.Millisecond))
		if time.Since(began) > time.Minute {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		}
	}
}

// once runs a process to its end, which ctx may be.
func (r *Runner) once(ctx context.Context, p Process) (syscall.WaitStatus, error) {
	out, err := os.OpenFile(filepath.Join(r.logs, p.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("opening the log of %s: %w", p.Name, err)
	}
	defer out.Close()
	pid, done, err := r.Start(p, r.attributes(out, p.Env))
	if err != nil {
		return 0, err
	}
	select {
	case status := <-done:
		return status, nil
	case <-ctx.Done():
		_ = syscall.Kill(pid, syscall.SIGKILL)
		return <-done, ctx.Err()
	}
}

// attributes gives a child its output and nothing to read. It ends with its parent, however that ends.
func (r *Runner) attributes(out *os.File, env []string) *syscall.ProcAttr {
	return &syscall.ProcAttr{
		Env:   environment(env),
		Files: []uintptr{r.null.Fd(), out.Fd(), out.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
}

// environment puts a process' own settings before the inherited ones: of two equal names, Go programs take the first.
func environment(own []string) []string { return append(slices.Clone(own), os.Environ()...) }
