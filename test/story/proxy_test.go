package story

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/test/image"
)

var frontDoor = Options{
	Name: "proxy", Cluster: "example-local", Domain: "obs.localhost",
	Repository: "https://github.com/acme/observability", Nodes: 2,
	Images: []string{image.Prometheus, image.Collector, image.Shell},
}

// TestTheFrontDoor is the proxy as those see it who want in: agents and pods that are let in, and those that are not.
func TestTheFrontDoor(t *testing.T) {
	s := Begin(t, frontDoor)
	s.Install()
	tokens := s.tokens()
	s.Step("expired", time.Minute, func(ctx context.Context) (string, error) {
		var err error
		tokens["expired"], err = s.shortLived(ctx)
		return "a token for a minute, for later", err
	})
	s.sends(tokens)
	s.tails(tokens)
	s.restarts(tokens)
	s.walls(tokens)
	s.refused(tokens)
}

// sends is about agents that the cluster does not trust, which have a tenant's token, and about pods, which have no secret:
// their service account says who they are.
func (s *Story) sends(tokens map[string]string) {
	s.Step("outside", 3*time.Minute, s.senders)
	s.Step("inside", 3*time.Minute, s.collectors)
	s.Step("arrived", 3*time.Minute, func(ctx context.Context) (string, error) {
		return s.arrivedWhole(ctx, tokens, []string{"prometheus", "otel", "direct", "sidecar"}, []string{"otel", "direct", "sidecar"})
	})
	s.Step("lossless", time.Minute, func(ctx context.Context) (string, error) { return s.lossless(ctx, tokens[team]) })
	s.Step("strangers", 2*time.Minute, s.strangers)
	s.Step("grafana", 2*time.Minute, s.grafanas)
}

// tails is about queries that go on.
func (s *Story) tails(tokens map[string]string) {
	s.Step("tail", 6*time.Minute, func(ctx context.Context) (string, error) { return s.tail(ctx, tokens) })
}

// restarts are about what clients see of a proxy that is replaced: nothing.
func (s *Story) restarts(tokens map[string]string) {
	s.Step("restart", 4*time.Minute, func(ctx context.Context) (string, error) { return s.restart(ctx, tokens[team], "restart_of_one") })
	s.Step("two", 4*time.Minute, s.two)
	s.Step("restart", 4*time.Minute, func(ctx context.Context) (string, error) { return s.restart(ctx, tokens[team], "restart_of_two") })
}

// walls are about who cannot go past the proxy.
func (s *Story) walls(tokens map[string]string) {
	s.Step("isolation", 5*time.Minute, s.isolation)
	s.Step("pretence", time.Minute, func(ctx context.Context) (string, error) { return s.pretence(ctx, tokens) })
}

// refused is about those whom the proxy turns away, and what they are told.
func (s *Story) refused(tokens map[string]string) {
	s.Step("refusals", time.Minute, func(ctx context.Context) (string, error) {
		return s.refusals(ctx, tokens, tokens["expired"])
	})
}

// shortLived issues a token for the shortest time there is, to be used when that is over.
func (s *Story) shortLived(ctx context.Context) (string, error) {
	token, err := s.Fork.Run(ctx, "token", "issue", team, "--cluster", s.Cluster, "--scope", "metrics:read", "--expires", "1m", "--stdout")
	return strings.TrimSpace(token), err
}
