package rule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrNoLogQL says that the program logqlcheck is not there, so that LogQL was not parsed.
var ErrNoLogQL = errors.New("no program logqlcheck was found, so that LogQL itself was not parsed (docs/rules.md says how to get it)")

// logqlProgram is the name of the program in a folder or in PATH.
const logqlProgram = "logqlcheck"

// LogQL is the program that parses LogQL with Loki's own parser: a process of its own, since Loki is under the AGPL.
type LogQL struct {
	// Program is the path of logqlcheck.
	Program string
}

// FindLogQL finds logqlcheck: the path that was given (a setting), in folder (a cache; may be empty), or in PATH. It
// returns ErrNoLogQL where there is none; a path that was given and is no program is another error.
func FindLogQL(given, folder string) (*LogQL, error) {
	if given != "" {
		program, err := exec.LookPath(given)
		if err != nil {
			return nil, fmt.Errorf("logqlcheck: %w; name the program, or leave the setting out", err)
		}
		return &LogQL{Program: program}, nil
	}
	if folder != "" {
		if program, err := exec.LookPath(filepath.Join(folder, logqlProgram)); err == nil {
			return &LogQL{Program: program}, nil
		}
	}
	if program, err := exec.LookPath(logqlProgram); err == nil {
		return &LogQL{Program: program}, nil
	}
	return nil, ErrNoLogQL
}

// Query is one expression in LogQL.
type Query struct {
	// Text is the expression.
	Text string `json:"query"`
	// Rule says that the expression must give numbers, as that of a rule must.
	Rule bool `json:"rule,omitempty"`
}

// Check parses queries, all in one process, and returns what is wrong with each by index. The error is about the process.
func (l *LogQL) Check(ctx context.Context, queries []Query) (map[int]string, error) {
	answers, err := l.run(ctx, queries)
	if err != nil {
		return nil, err
	}
	wrong := make(map[int]string, len(answers))
	for _, a := range answers {
		wrong[a.Index] = a.Message
	}
	return wrong, nil
}

// question is what logqlcheck reads from its standard input, and answer what it writes. Both sides count the protocol's
// versions: a program of another version is refused, not misread.
type question struct {
	Protocol int     `json:"protocol"`
	Queries  []Query `json:"queries"`
}

type reply struct {
	Protocol int      `json:"protocol"`
	Problems []answer `json:"problems"`
}

type answer struct {
	Index   int    `json:"index"`
	Message string `json:"message"`
}

const (
	logqlProtocol = 1
	logqlTimeout  = 2 * time.Minute
	// logqlEnd is how long a program that was told to stop may take to do so.
	logqlEnd = 2 * time.Second
)

func (l *LogQL) run(ctx context.Context, queries []Query) ([]answer, error) {
	if len(queries) == 0 {
		return nil, nil
	}
	input, err := json.Marshal(question{logqlProtocol, queries})
	if err != nil {
		return nil, fmt.Errorf("write the queries for logqlcheck: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, logqlTimeout)
	defer cancel()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(ctx, l.Program)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(input), &stdout, &stderr
	command.WaitDelay = logqlEnd
	// It needs nothing of the environment, and so gets none of what may be secret there.
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("run %s: %w: %s", l.Program, err, strings.TrimSpace(stderr.String()))
	}
	var r reply
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		return nil, fmt.Errorf("read what %s says: %w; is it logqlcheck?", l.Program, err)
	}
	if r.Protocol != logqlProtocol {
		return nil, fmt.Errorf("%s speaks protocol %d, and opsgen %d; build it from the same revision", l.Program, r.Protocol, logqlProtocol)
	}
	for _, a := range r.Problems {
		if a.Index < 0 || a.Index >= len(queries) {
			return nil, fmt.Errorf("%s answers about query %d of %d", l.Program, a.Index, len(queries))
		}
	}
	return r.Problems, nil
}
