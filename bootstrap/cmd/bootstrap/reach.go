package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/client-go/rest"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/install"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/cluster"
)

// silence is why Kubernetes does not answer, where there should be one.
type silence struct {
	where string
	err   error
	// never says that it never ran, as far as the cloud knows.
	never bool
}

// String says that it does not, and why.
func (q *silence) String() string {
	return fmt.Sprintf("the Kubernetes API at %s does not answer: %v", q.where, q.err)
}

// askNobody makes Kubernetes one that is not there: what is in it is then missing, and the cloud's part is all there is.
func (s *session) askNobody() { s.noKubernetes = true }

// mute makes a Config that says so, once askNobody was called.
func (s *session) mute(config func(context.Context) (*rest.Config, error)) func(context.Context) (*rest.Config, error) {
	return func(ctx context.Context) (*rest.Config, error) {
		if s.noKubernetes {
			return nil, fmt.Errorf("Kubernetes is not asked: %w", engine.ErrMissing) //nolint:staticcheck // a name
		}
		return config(ctx)
	}
}

// beforeKubernetes is the last phase that is made outside of Kubernetes; empty where there is none.
func (s *session) beforeKubernetes() string {
	phases := s.graph.Phases()
	if at := slices.Index(phases, install.PhaseFlux); at > 0 {
		return phases[at-1]
	}
	return ""
}

// see looks at everything. Where Kubernetes should answer and does not, it gives what is outside of it, and why.
func (s *session) see(ctx context.Context) (engine.Plan, *silence, error) {
	last := s.beforeKubernetes()
	if until := s.until(); until != "" && slices.Index(s.graph.Phases(), until) <= slices.Index(s.graph.Phases(), last) {
		plan, err := s.look(ctx, until)
		return plan, nil, err
	}
	var outside engine.Plan
	var err error
	if last != "" {
		if outside, err = s.look(ctx, last); err != nil {
			return nil, nil, err
		}
	}
	quiet, err := s.silent(ctx, outside)
	if err != nil || quiet != nil {
		return outside, quiet, err
	}
	plan, err := s.look(ctx, s.until())
	return plan, nil, err
}

// silent asks Kubernetes whether it answers; nil when it does, or when the cloud says that there is none.
func (s *session) silent(ctx context.Context, outside engine.Plan) (*silence, error) {
	at := slices.IndexFunc(outside, func(step engine.Step) bool { return step.Resource == provider.ControlPlane })
	if at >= 0 && outside[at].Condition == engine.Deleting.String() {
		s.askNobody()
		return nil, nil
	}
	config, err := s.kubernetes.Config(ctx)
	if errors.Is(err, engine.ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := install.Reach(ctx, config); err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		never := at >= 0 && outside[at].Condition == engine.Failed.String()
		return &silence{where: config.Host, err: err, never: never}, nil
	}
	return nil, nil
}

// checkSilence tells it beside what else is in the way.
func (s *session) checkSilence(q *silence) []provider.Check {
	if q == nil {
		return nil
	}
	return []provider.Check{{
		Name: "Kubernetes", Problem: q.String(),
		Hint: "Run this where it answers (provider.endpoint in cluster.yaml says from where); `--until " + s.beforeKubernetes() + "` does what is outside of it.",
	}}
}

// seeToRemove looks at what is to be removed. Kubernetes must answer, unless the cloud says that there is none or the user
// gives it up: load balancers and volumes are removed by itself, as long as it lives.
func (s *session) seeToRemove(ctx context.Context) (engine.Plan, error) {
	if s.settings.GetBool("without-kubernetes") {
		s.askNobody()
		fmt.Fprintln(s.stderr, "Kubernetes is not asked. What it made is searched for in the cloud.")
		return s.look(ctx, "")
	}
	plan, quiet, err := s.see(ctx)
	switch {
	case err != nil:
		return nil, err
	case quiet == nil:
		if s.noKubernetes {
			fmt.Fprintln(s.stderr, "The cluster is being deleted already. What Kubernetes made is searched for in the cloud.")
		}
		return plan, nil
	case quiet.never:
		s.askNobody()
		fmt.Fprintf(s.stderr, "The cluster never came up, and %v. It is not waited for.\n", quiet)
		return s.look(ctx, "")
	}
	return nil, failedCheck{quiet.String() + "; nothing was changed\n  " + s.whenSilent()}
}

// whenSilent is what to do when Kubernetes is to be removed from and does not answer.
func (s *session) whenSilent() string {
	if s.cluster.Provider.Name == cluster.Existing {
		text := "Run this where it answers. When the cluster is gone, so is everything in it"
		if s.cluster.BundledStorage() {
			return text + "; there is nothing else to remove."
		}
		b := s.cluster.Provider.Storage
		return fmt.Sprintf("%s; the buckets %s, %s and %s stay in your storage: delete them there.", text, b.Metrics, b.Logs, b.Rules)
	}
	return "Load balancers and volumes are removed by Kubernetes itself, while it lives: run this where it answers (provider.endpoint in cluster.yaml\n" +
		"  says from where). When it will not answer again, add --without-kubernetes: what it made is then searched for in the cloud, and\n" +
		"  volumes stay, as data does, unless --delete-data is given."
}
