package story

import (
	"context"
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
	s.outside(tokens)
	s.inside(tokens)
	s.tails(tokens)
}

// outside is about senders that the cluster does not trust: they have a tenant's token.
func (s *Story) outside(tokens map[string]string) {
	s.Step("senders", 3*time.Minute, s.senders)
	s.Step("arrived", 3*time.Minute, func(ctx context.Context) (string, error) {
		return s.arrivedWhole(ctx, tokens, []string{"prometheus", "otel"}, []string{"otel"})
	})
	s.Step("lossless", time.Minute, func(ctx context.Context) (string, error) { return s.lossless(ctx, tokens[team]) })
}

// inside is about pods, which have no secret: their service account says who they are.
func (s *Story) inside(tokens map[string]string) {
	s.Step("inside", 3*time.Minute, s.collectors)
	s.Step("arrived", 3*time.Minute, func(ctx context.Context) (string, error) {
		return s.arrivedWhole(ctx, tokens, []string{"direct", "sidecar"}, []string{"direct", "sidecar"})
	})
	s.Step("strangers", 2*time.Minute, s.strangers)
	s.Step("grafana", 2*time.Minute, s.grafanas)
}

// tails is about queries that go on.
func (s *Story) tails(tokens map[string]string) {
	s.Step("tail", 6*time.Minute, func(ctx context.Context) (string, error) { return s.tail(ctx, tokens) })
}
