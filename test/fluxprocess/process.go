package fluxprocess

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A Process is one controller.
type Process struct {
	command *exec.Cmd
	log     string
	ended   chan struct{}
}

// Usage is what a controller has used of the machine.
type Usage struct {
	// Memory is what it has now and Peak the most it ever had, in bytes (proc_pid_status(5), VmRSS and VmHWM).
	Memory, Peak int64
	// CPU is its processor time (proc_pid_stat(5)).
	CPU time.Duration
}

// Usage reads it from the kernel. A controller that ended is an error, with its last lines.
func (p *Process) Usage() (Usage, error) {
	select {
	case <-p.ended:
		return Usage{}, fmt.Errorf("it ended: %s", p.lastWords())
	default:
	}
	folder := "/proc/" + strconv.Itoa(p.command.Process.Pid)
	status, err := os.ReadFile(folder + "/status")
	if err != nil {
		return Usage{}, fmt.Errorf("reading a process' memory: %w", err)
	}
	stat, err := os.ReadFile(folder + "/stat")
	if err != nil {
		return Usage{}, fmt.Errorf("reading a process' time: %w", err)
	}
	u := Usage{}
	for _, line := range strings.Split(string(status), "\n") {
		for name, field := range map[string]*int64{"VmRSS:": &u.Memory, "VmHWM:": &u.Peak} {
			if rest, found := strings.CutPrefix(line, name); found {
				if _, err := fmt.Sscanf(rest, "%d kB", field); err != nil {
					return Usage{}, fmt.Errorf("reading %q: %w", line, err)
				}
				*field *= 1024
			}
		}
	}
	// The program's name, in brackets, may hold spaces. The 14th and 15th fields are times in hundredths of a second.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return Usage{}, fmt.Errorf("reading a process' time: %q", stat)
	}
	for _, text := range fields[11:13] {
		ticks, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("reading a process' time: %w", err)
		}
		u.CPU += time.Duration(ticks) * 10 * time.Millisecond
	}
	return u, nil
}

// Said counts the lines of its log that hold a text.
func (p *Process) Said(text string) (int, error) {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return 0, fmt.Errorf("reading a log: %w", err)
	}
	return strings.Count(string(data), text), nil
}

func (p *Process) lastWords() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-3000):])
}
