package story

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/opsgen/opsgen/test/frontdoor"
)

const tailed = 100

// follow reads lines of a tail until there are n.
func follow(tail *frontdoor.Tail, n int, until time.Time) ([]string, error) {
	var texts []string
	for len(texts) < n {
		lines, err := tail.Next(until)
		if err != nil {
			return texts, fmt.Errorf("after %d lines of %d: %w", len(texts), n, err)
		}
		for _, l := range lines {
			texts = append(texts, l.Text)
		}
	}
	return texts, nil
}

// tail follows a stream of two tenants at once. Each sees each of its lines, in order, soon, and the other's never. A
// commit that revokes one's token ends that tail, and leaves the other alone.
func (s *Story) tail(ctx context.Context, tokens map[string]string) (string, error) {
	token, err := s.Token(ctx, team, "logs:read")
	if err != nil {
		return "", err
	}
	mine, err := s.Door.Tail(ctx, token, `{app="tail"}`)
	if err != nil {
		return "", err
	}
	defer func() { _ = mine.Close() }() // Ended already, if all went well.
	foreign, err := s.Door.Tail(ctx, tokens[other], `{app="tail"}`)
	if err != nil {
		return "", err
	}
	defer func() { _ = foreign.Close() }() // It was only read.
	began := time.Now()
	for i := range tailed {
		if err := s.say(ctx, tokens[team], fmt.Sprint("line ", i)); err != nil {
			return "", err
		}
	}
	texts, err := follow(mine, tailed, began.Add(time.Minute))
	if err != nil {
		return "", err
	}
	took := time.Since(began)
	for i, text := range texts {
		if text != fmt.Sprint("line ", i) {
			return "", fmt.Errorf("line %d of the tail is %q", i, text)
		}
	}
	ended, err := s.revokeUnder(ctx, token, mine)
	if err != nil {
		return "", err
	}
	if err := s.say(ctx, tokens[other], "alone"); err != nil {
		return "", err
	}
	if texts, err = follow(foreign, 1, time.Now().Add(time.Minute)); err != nil || texts[0] != "alone" {
		return "", errors.Join(fmt.Errorf("the tail of %s read %q", other, texts), err)
	}
	return fmt.Sprintf("%d lines in order after %.1f s; ended %.0f s after the push that revokes", tailed, took.Seconds(), ended.Seconds()), nil
}

func (s *Story) say(ctx context.Context, token, text string) error {
	return s.Door.WriteLogs(ctx, token, map[string]string{"app": "tail"}, []frontdoor.Line{{Time: time.Now(), Text: text}})
}

// revokeUnder revokes a token by a commit while it tails, and answers how long the tail went on.
func (s *Story) revokeUnder(ctx context.Context, token string, tail *frontdoor.Tail) (time.Duration, error) {
	file := filepath.Join(s.t.TempDir(), "leaked.token")
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		return 0, err
	}
	if _, err := s.Fork.Run(ctx, "token", "revoke", "--token", file, "--cluster", s.Cluster, "--reason", "in a story"); err != nil {
		return 0, err
	}
	began := time.Now()
	published := make(chan error, 1)
	go func() { published <- s.Publish(ctx, "Revoke a token") }()
	_, err := tail.Next(time.Now().Add(4 * time.Minute))
	var late net.Error
	if err == nil || errors.As(err, &late) && late.Timeout() {
		return 0, fmt.Errorf("the tail of a revoked token goes on: %w", err)
	}
	ended := time.Since(began)
	if err := <-published; err != nil {
		return 0, err
	}
	_, err = s.Door.CountLogs(ctx, token, `count_over_time({app="tail"}[1h])`, time.Now())
	return ended, turnedAway(err, 401, "revoked")
}

// turnedAway says whether an answer has the status, and a word.
func turnedAway(err error, code int, word string) error {
	var status *frontdoor.Status
	if !errors.As(err, &status) || status.Code != code || !strings.Contains(status.Body, word) {
		return fmt.Errorf("the answer is %v, want status %d and %q", err, code, word)
	}
	return nil
}
