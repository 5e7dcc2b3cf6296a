package story

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/frontdoor"
	"github.com/opsgen/opsgen/test/image"
)

// TestDelivery is the life of a cluster after its first day, with Git as the only hand: releases that are broken and
// mended, tags, tenants that come and go, and what leaves Git.
func TestDelivery(t *testing.T) {
	live(t, Options{Name: "delivery"}, func(l *life) []step {
		return []step{
			{"image", 8 * time.Minute, l.missingImage},
			{"crash", 8 * time.Minute, l.crashLoop},
			{"invalid", 5 * time.Minute, l.invalidResource},
			{"tags", 5 * time.Minute, l.followTags},
			{"upgrade", 5 * time.Minute, l.higherTag},
			{"ignored", 3 * time.Minute, l.otherTags},
			{"rollback", 5 * time.Minute, l.rollback},
			{"signed", 8 * time.Minute, l.signedTags},
			{"rotated", 5 * time.Minute, l.rotatedKey},
			{"branch", 5 * time.Minute, l.followBranch},
			{"joins", 5 * time.Minute, l.addTenant},
			{"leaves", 5 * time.Minute, l.removeTenant},
			{"rights", 2 * time.Minute, l.tenantAccount},
			{"broken", 5 * time.Minute, l.brokenTenant},
			{"prune", 6 * time.Minute, l.leavesGit},
		}
	})
}

// TestFaults is what happens to a cluster that runs: people and autoscalers that change it, a component that moves,
// upgrades and a way back under load, and machines and programs that fail.
func TestFaults(t *testing.T) {
	live(t, Options{Name: "faults", Images: []string{image.LokiEarlier}}, func(l *life) []step {
		return []step{
			{"by hand", 4 * time.Minute, l.changedByHand},
			{"flux", 6 * time.Minute, l.fluxDrift},
			{"scaled", 6 * time.Minute, l.autoscaled},
			{"moves", 10 * time.Minute, l.movesLayer},
			{"load", 8 * time.Minute, l.upgradeUnderLoad},
			{"back", 10 * time.Minute, l.goesBackUnderLoad},
			{"git", 6 * time.Minute, l.gitAway},
			{"paused", 6 * time.Minute, l.paused},
			{"controller", 5 * time.Minute, l.controllerKilled},
			{"api", 5 * time.Minute, l.planeKilled},
			{"node", 8 * time.Minute, l.nodeKilled},
		}
	})
}

// A life is what the steps of a story share.
type life struct {
	*Story
	// token reads and writes as team.
	token string
}

// live installs an example on a bed of its own, and takes the steps.
func live(t *testing.T, o Options, steps func(*life) []step) {
	t.Helper()
	o.Cluster, o.Domain, o.Repository, o.Nodes = "example-local", "obs.localhost", "https://github.com/acme/observability", 2
	s := Begin(t, o)
	s.Install()
	l := &life{Story: s, token: s.tokens()[team]}
	for _, step := range steps(l) {
		s.Step(step.name, step.limit, step.run)
	}
}

// loadPause is between two requests of an agent.
const loadPause = 250 * time.Millisecond

// A step is one named part of the story.
type step struct {
	name  string
	limit time.Duration
	run   func(context.Context) (string, error)
}

// push commits and pushes what was edited, rendered or not, and has Flux look. It does not wait for what becomes of it.
func (l *life) push(ctx context.Context, message string) error {
	for _, arguments := range [][]string{
		{"add", "--all"}, {"commit", "--quiet", "--message", message}, {"push", "--quiet", "origin", "main"},
	} {
		if _, err := l.Fork.Git(ctx, arguments...); err != nil {
			return err
		}
	}
	commit, err := l.Fork.Git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	l.Commit = strings.TrimSpace(commit)
	return flux.Fetch(ctx, l.Dynamic)
}

// attempt is push after rendering.
func (l *life) attempt(ctx context.Context, message string) error {
	if _, err := l.Fork.Run(ctx, "render", l.Cluster); err != nil {
		return err
	}
	return l.push(ctx, message)
}

// back takes the newest commit back by another one, and waits until the whole cluster follows.
func (l *life) back(ctx context.Context) error {
	if _, err := l.Fork.Git(ctx, "revert", "--no-edit", "HEAD"); err != nil {
		return err
	}
	if err := l.pushHead(ctx); err != nil {
		return err
	}
	return l.await(ctx)
}

// pushHead pushes what is committed.
func (l *life) pushHead(ctx context.Context) error {
	if _, err := l.Fork.Git(ctx, "push", "--quiet", "origin", "main"); err != nil {
		return err
	}
	commit, err := l.Fork.Git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	l.Commit = strings.TrimSpace(commit)
	return flux.Fetch(ctx, l.Dynamic)
}

// await waits until the whole cluster is ready at the newest commit.
func (l *life) await(ctx context.Context) error {
	count, err := l.units()
	if err != nil {
		return err
	}
	return flux.Await(ctx, l.Dynamic, flux.ReadyAt(l.Commit, count))
}

// acknowledged repeats a request until it is, as Prometheus and log agents do: after errors of the server and of the
// network. Any other refusal means that an agent would have dropped what it sent. It answers how often it was refused.
func acknowledged(ctx context.Context, send func(context.Context) error) (int64, error) {
	for refused := int64(0); ; refused++ {
		err := send(ctx)
		if err == nil {
			return refused, nil
		}
		var status *frontdoor.Status
		if errors.As(err, &status) && status.Code/100 == 4 && status.Code != http.StatusTooManyRequests {
			return refused, fmt.Errorf("an agent would have dropped this: %w", err)
		}
		select {
		case <-ctx.Done():
			return refused, fmt.Errorf("never acknowledged: %w", err)
		case <-time.After(loadPause):
		}
	}
}

// resource is the client for a kind, by names as "apps/v1" and "deployments".
func (l *life) resource(groupVersion, name string) (dynamic.NamespaceableResourceInterface, error) {
	group, err := schema.ParseGroupVersion(groupVersion)
	if err != nil {
		return nil, fmt.Errorf("kind %s: %w", name, err)
	}
	return l.Dynamic.Resource(group.WithResource(name)), nil
}
