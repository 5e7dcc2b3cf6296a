package story

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/opsgen/opsgen/test/bed"
	"github.com/opsgen/opsgen/test/frontdoor"
)

func TestMain(m *testing.M) {
	bed.Internal()
	os.Exit(m.Run())
}

const (
	team  = "payments"
	other = "system"
	// series times points are the samples of the first story.
	series, points, lines = 200, 30, 2000
	readAndWrite          = "metrics:read,metrics:write,logs:read,logs:write"
)

// TestTheFirstDay is what a platform team sees on its first day: an unmodified example comes up from Git, takes and gives
// back data, follows a commit, and heals.
func TestTheFirstDay(t *testing.T) {
	s := Begin(t, Options{
		Name: "story", Cluster: "example-local", Domain: "obs.localhost",
		Repository: "https://github.com/acme/observability", Nodes: 2,
	})
	s.Install()
	s.Step("pods", 2*time.Minute, s.checkPods)
	s.Step("tenants", 2*time.Minute, s.inForce)
	s.Step("quiet", 5*time.Minute, s.quiet)
	s.Step("tls", time.Minute, s.certificate)
	tokens := s.tokens()
	s.Step("write", 2*time.Minute, func(ctx context.Context) (string, error) { return s.write(ctx, tokens[team]) })
	s.Step("read", 2*time.Minute, func(ctx context.Context) (string, error) { return s.read(ctx, tokens) })
	s.Step("limit", 6*time.Minute, func(ctx context.Context) (string, error) { return s.lowerLimit(ctx, tokens[team]) })
	s.Step("memory", time.Minute, s.memory)
	s.Step("drift", 15*time.Minute, s.drift)
	s.Step("read", 2*time.Minute, func(ctx context.Context) (string, error) { return s.read(ctx, tokens) })
	s.Step("pods", 2*time.Minute, s.settled)
}

func (s *Story) tokens() map[string]string {
	tokens := map[string]string{}
	s.Step("tokens", time.Minute, func(ctx context.Context) (string, error) {
		for _, tenant := range []string{team, other} {
			token, err := s.Token(ctx, tenant, readAndWrite)
			if err != nil {
				return "", err
			}
			tokens[tenant] = token
		}
		return "one for " + team + ", one for " + other, nil
	})
	return tokens
}

func (s *Story) certificate(ctx context.Context) (string, error) {
	certificate, err := s.Door.Certificate(ctx, "metrics."+s.Domain)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%v, by %s", certificate.DNSNames, certificate.Issuer.CommonName), nil
}

// start is when the first sample was taken: recent, and the same for all of a process.
var start = time.Now().Add(-10 * time.Minute).Truncate(time.Second)

func (s *Story) write(ctx context.Context, token string) (string, error) {
	for p := range points {
		samples := make([]frontdoor.Sample, series)
		for i := range samples {
			samples[i] = frontdoor.Sample{
				Labels: [][2]string{{"__name__", "story_value"}, {"number", fmt.Sprintf("%04d", i)}},
				Value:  float64(i*points + p), Time: start.Add(time.Duration(p) * 15 * time.Second),
			}
		}
		if err := s.Door.WriteMetrics(ctx, token, samples); err != nil {
			return "", err
		}
	}
	batch := make([]frontdoor.Line, lines)
	for i := range batch {
		batch[i] = frontdoor.Line{Time: start.Add(time.Duration(i) * time.Millisecond), Text: fmt.Sprintf("line %d of the story", i)}
	}
	if err := s.Door.WriteLogs(ctx, token, map[string]string{"app": "story"}, batch); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d samples, %d lines through the proxy", series*points, lines), nil
}

// read counts and sums everything that write wrote, and looks for it as another tenant.
func (s *Story) read(ctx context.Context, tokens map[string]string) (string, error) {
	const n = series * points
	for query, all := range map[string]float64{
		`sum(count_over_time(story_value[1h]))`: n,
		`sum(sum_over_time(story_value[1h]))`:   n * (n - 1) / 2,
		`count(story_value offset 1d)`:          0,
	} {
		for tenant, token := range tokens {
			want := all
			if tenant != team {
				want = 0
			}
			if got, err := s.Door.Count(ctx, token, query, start.Add(points*15*time.Second)); err != nil || got != want {
				return "", errors.Join(fmt.Errorf("%s asks %s: %v, want %v", tenant, query, got, want), err)
			}
		}
	}
	for tenant, token := range tokens {
		want := float64(lines)
		if tenant != team {
			want = 0
		}
		got, err := s.Door.CountLogs(ctx, token, `sum(count_over_time({app="story"}[1h]))`, start.Add(20*time.Minute))
		if err != nil || got != want {
			return "", errors.Join(fmt.Errorf("%s counts %v lines, want %v", tenant, got, want), err)
		}
	}
	return "all back, none lost, none twice, none in another tenant", nil
}

// lowerLimit changes a tenant's limit by a commit and waits until the next write is refused. Nothing may restart.
func (s *Story) lowerLimit(ctx context.Context, token string) (string, error) {
	before, err := s.podNames(ctx)
	if err != nil {
		return "", err
	}
	if err := s.Fork.Edit("tenants/"+team+"/tenant.yaml", "  retention: 1y\n", "  retention: 1y\n  activeSeries: 300\n"); err != nil {
		return "", err
	}
	began := time.Now()
	if err := s.Publish(ctx, "Allow "+team+" 300 series"); err != nil {
		return "", err
	}
	applied := time.Since(began)
	for round := 0; ; round++ {
		samples := make([]frontdoor.Sample, 200)
		for i := range samples {
			labels := [][2]string{{"__name__", "story_more"}, {"number", fmt.Sprint(i)}, {"round", fmt.Sprint(round)}}
			samples[i] = frontdoor.Sample{Labels: labels, Value: 1, Time: time.Now()}
		}
		err := s.Door.WriteMetrics(ctx, token, samples)
		var status *frontdoor.Status
		if errors.As(err, &status) && status.Code == 400 {
			break
		}
		if err != nil {
			return "", fmt.Errorf("writing more series: %w", err)
		}
		select {
		case <-ctx.Done():
			return "", errors.New("the limit never bit")
		case <-time.After(2 * time.Second):
		}
	}
	after, err := s.podNames(ctx)
	if err != nil {
		return "", err
	}
	for name := range before {
		if !after[name] {
			return "", fmt.Errorf("pod %s was replaced for a limit", name)
		}
	}
	return fmt.Sprintf("in Git, applied after %.0f s, bites after %.0f s, no restart", applied.Seconds(), time.Since(began).Seconds()), nil
}
