package rule

import (
	"context"
	"errors"

	"github.com/opsgen/opsgen/generator/document"
)

// ErrNoLogQL says that the program logqlcheck is not there, so that LogQL was not parsed.
var ErrNoLogQL = errors.New("logqlcheck was not found, so LogQL itself was not parsed")

// LogQL is the program that parses LogQL with Loki's own parser: a process of its own.
type LogQL struct {
	// Program is the path of logqlcheck.
	Program string
}

// FindLogQL finds logqlcheck: the path that was given (a setting), in folder (a cache; may be empty), or in PATH. It
// returns ErrNoLogQL where there is none; a path that was given and is no program is another error.
func FindLogQL(_, _ string) (*LogQL, error) { return nil, ErrNoLogQL }

// Check parses the expressions of groups (from ParseLogs), all in one process. The error is about the process.
func (l *LogQL) Check(_ context.Context, _ []Group) (document.Problems, error) { return nil, nil }

// CheckQueries parses single expressions, those of a dashboard for example, and returns what is wrong with each by index.
func (l *LogQL) CheckQueries(_ context.Context, _ []string) (map[int]string, error) { return nil, nil }
