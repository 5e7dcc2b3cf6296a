package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// profile takes profiles of processor time and of allocations during a run, if that was asked for and the contender is
// written in Go. The channel gets one result.
func (c *contender) profile(ctx context.Context, l load, o options) <-chan error {
	done := make(chan error, 1)
	if o.profiles == "" || c.metrics == "" {
		done <- nil
		return done
	}
	go func() { done <- c.takeProfiles(ctx, l, o) }()
	return done
}

func (c *contender) takeProfiles(ctx context.Context, l load, o options) error {
	seconds := max(1, int(o.duration/time.Second))
	name := strings.NewReplacer(" ", "-", ",", "", "/", "-").Replace(c.name + "-" + l.String())
	for _, kind := range []string{fmt.Sprintf("profile?seconds=%d", seconds), "allocs"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.metrics, "metrics")+"debug/pprof/"+kind, http.NoBody)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil {
			return err
		}
		kind, _, _ = strings.Cut(kind, "?")
		if err := os.WriteFile(filepath.Join(o.profiles, name+"."+kind), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
