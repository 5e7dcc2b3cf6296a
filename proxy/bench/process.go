package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// contender is a running proxy.
type contender struct {
	name    string
	address string
	// metrics is the URL of its Prometheus metrics, from which allocations are read; empty for what is not Go.
	metrics string
	command *exec.Cmd
	done    chan error
}

// start runs a program until stop, and waits until it accepts connections with TLS.
func start(ctx context.Context, p *place, c *contender, program string, args ...string) error {
	c.command = exec.CommandContext(ctx, program, args...)
	// An interrupt of the terminal must not reach it before its figures were read, and it must not outlive this process.
	c.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(p.folder, c.name+".log"))
	if err != nil {
		return err
	}
	c.command.Stdout, c.command.Stderr = log, log
	if err := c.command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	c.done = make(chan error, 1)
	go func() { c.done <- c.command.Wait(); _ = log.Close() }()
	client := p.client(c.address, false)
	defer client.CloseIdleConnections()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	var last error
	for {
		select {
		case err := <-c.done:
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s ended at its start (%w):\n%s", c.name, err, text)
		case <-deadline:
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("%s does not answer: %w\n%s", c.name, last, text)
		case <-tick.C:
			if last = p.request(ctx, client, loads()[1]); last == nil {
				return nil
			}
		}
	}
}

// stop ends the process and all of its group.
func (c *contender) stop() {
	if c.command == nil || c.command.Process == nil {
		return
	}
	_ = syscall.Kill(-c.command.Process.Pid, syscall.SIGKILL)
	if err := <-c.done; err == nil {
		fmt.Fprintf(os.Stderr, "%s had ended by itself\n", c.name)
	}
}

func stopAll(contenders []*contender) {
	for _, c := range contenders {
		c.stop()
	}
}

// usage is what a process tree has used since its start.
type usage struct {
	cpu                time.Duration
	resident           int64
	mallocs, allocated float64
}

// usage reads the figures of the process and of its children (nginx has workers).
func (c *contender) usage() (usage, error) {
	var u usage
	processes, err := tree(c.command.Process.Pid)
	if err != nil {
		return u, err
	}
	for _, process := range processes {
		cpu, resident, err := stat(process)
		if err != nil {
			return u, err
		}
		u.cpu += cpu
		u.resident += resident
	}
	if c.metrics != "" {
		u.mallocs, u.allocated, err = allocations(c.metrics)
	}
	return u, err
}

// tree is a process and all below it.
func tree(root int) ([]int, error) {
	all := []int{root}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", root))
	if err != nil {
		return nil, err
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			return nil, err
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, err
			}
			below, err := tree(child)
			if err != nil {
				return nil, err
			}
			all = append(all, below...)
		}
	}
	return all, nil
}

// stat is user and system time (in ticks of 10 ms) and resident pages of a process; proc(5).
func stat(process int) (time.Duration, int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		return 0, 0, err
	}
	// The name in brackets may hold spaces; what follows it does not.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var numbers [3]int64
	for i, field := range []int{11, 12, 21} {
		if numbers[i], err = strconv.ParseInt(fields[field], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("read /proc/%d/stat: %w", process, err)
		}
	}
	return time.Duration(numbers[0]+numbers[1]) * 10 * time.Millisecond, numbers[2] * int64(os.Getpagesize()), nil
}

// allocations are objects and bytes that a Go program has allocated since its start.
func allocations(url string) (objects, size float64, err error) {
	figures, err := scrape(url, "go_memstats_mallocs_total", "go_memstats_alloc_bytes_total")
	return figures[0], figures[1], err
}

// scrape reads figures of a Go program's metrics; what it does not have is 0.
func scrape(url string, names ...string) ([]float64, error) {
	figures := make([]float64, len(names))
	answer, err := http.Get(url) //nolint:gosec // An address on loopback that this program chose.
	if err != nil {
		return figures, err
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if i := slices.Index(names, name); i >= 0 {
			if figures[i], err = strconv.ParseFloat(value, 64); err != nil {
				return figures, fmt.Errorf("read %s: %w", url, err)
			}
		}
	}
	return figures, lines.Err()
}
