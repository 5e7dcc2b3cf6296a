package story

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/opsgen/opsgen/test/bed"
	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/fork"
	"github.com/opsgen/opsgen/test/frontdoor"
)

// keep names the variable that leaves the bed up after the test, for looking around; `bed down --name …` removes it.
const keep = "OPSGEN_KEEP_BED"

// Options say what cluster a story is about.
type Options struct {
	// Name is the bed's.
	Name string
	// Cluster is the cluster's folder in clusters/.
	Cluster string
	// Domain is the cluster's.
	Domain string
	// Repository is the address that the cluster follows.
	Repository string
	// Nodes is the number of real nodes.
	Nodes int
	// Images are further images of the bed's table, beside the bundle's.
	Images []string
}

// A Story is one cluster and its fork.
type Story struct {
	Options
	Bed     *bed.Bed
	Fork    *fork.Fork
	Client  kubernetes.Interface
	Dynamic dynamic.Interface
	// Door is the way in, once the platform is ready.
	Door *frontdoor.Door
	// Commit is what the cluster is to follow.
	Commit string

	t       *testing.T
	kubectl string
	began   time.Time
}

// Begin builds what is missing, starts a bed that goes when the test ends, and makes a fork whose remote the cluster
// follows. The fork has a signing key and is rendered and pushed.
func Begin(t *testing.T, o Options) *Story {
	t.Helper()
	s := &Story{Options: o, t: t, began: time.Now()}
	programs := map[string]string{}
	options := bed.Options{
		Name: o.Name, Nodes: o.Nodes, Repositories: []string{o.Repository}, Detached: os.Getenv(keep) != "",
	}
	s.Step("build", 50*time.Minute, func(ctx context.Context) (string, error) {
		images, rows, err := bed.Bundle(ctx, nil, build.Options{})
		if err != nil {
			return "", err
		}
		if len(o.Images) > 0 {
			more, _, err := bed.Bundle(ctx, o.Images, build.Options{})
			if err != nil {
				return "", err
			}
			images = append(images, more...)
		}
		options.Images = images
		var stand []string
		for _, row := range rows {
			if row.StandsIn != "" {
				stand = append(stand, row.Name)
			}
		}
		if programs, err = build.Ensure(ctx, []string{"opsgen", "kubectl"}, build.Options{}); err != nil {
			return "", err
		}
		s.kubectl = programs["kubectl"]
		return fmt.Sprintf("%d images; stand-ins: %s", len(images), strings.Join(stand, ", ")), nil
	})
	s.Step("nodes", 5*time.Minute, func(ctx context.Context) (string, error) {
		var err error
		s.Bed, err = bed.Up(ctx, options)
		if err != nil {
			return "", err
		}
		s.t.Cleanup(s.end)
		return fmt.Sprintf("%d ready", max(o.Nodes, 1)), s.connect()
	})
	s.Step("render", 5*time.Minute, func(ctx context.Context) (string, error) {
		return s.fork(ctx, programs["opsgen"])
	})
	return s
}

func (s *Story) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", s.Bed.Kubeconfig())
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 200
	if s.Dynamic, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	s.Client, err = kubernetes.NewForConfig(config)
	return err
}

func (s *Story) fork(ctx context.Context, opsgen string) (string, error) {
	remote, err := s.Bed.Repository(s.Repository)
	if err != nil {
		return "", err
	}
	if s.Fork, err = fork.Here(ctx, s.t.TempDir(), remote, opsgen, s.Cluster); err != nil {
		return "", err
	}
	if s.Commit, err = s.Fork.Publish(ctx, "Render "+s.Cluster, s.Cluster); err != nil {
		return "", err
	}
	objects, err := s.Rendered()
	return fmt.Sprintf("%d objects, pushed as %.7s", len(objects), s.Commit), err
}

// Step runs one step, prints its name, what it answers and how long it took, and ends the test when it fails or takes
// longer than twice the limit, which is what an idle machine of two processors needs at most.
func (s *Story) Step(name string, limit time.Duration, run func(context.Context) (string, error)) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*limit)
	defer cancel()
	began := time.Now()
	text, err := run(ctx)
	took := time.Since(began).Seconds()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%-10s FAILED %60.1f s\n", name, took)
		s.t.Fatalf("%s: %v\n%s", name, err, s.situation())
	}
	fmt.Fprintf(os.Stderr, "%-10s %-58s %7.1f s\n", name, text, took)
}

// Install has Flux bring the cluster up, and finds the way in.
func (s *Story) Install() {
	s.t.Helper()
	s.Step("install", 2*time.Minute, func(ctx context.Context) (string, error) {
		return "Flux's first objects", flux.Install(ctx, s.kubectl, s.Bed.Kubeconfig(), s.rendered())
	})
	s.Step("flux", 15*time.Minute, func(ctx context.Context) (string, error) {
		count, err := s.units()
		if err != nil {
			return "", err
		}
		first := map[string]time.Duration{}
		began := time.Now()
		err = flux.Await(ctx, s.Dynamic, func(all []flux.Unit) error {
			for _, u := range all {
				if _, seen := first[u.Layer]; !seen && u.Ready && u.Revision == s.Commit {
					first[u.Layer] = time.Since(began)
				}
			}
			return flux.ReadyAt(s.Commit, count)(all)
		})
		if err != nil {
			return "", err
		}
		return inOrder(first)
	})
	s.Step("door", time.Minute, func(ctx context.Context) (string, error) {
		var err error
		s.Door, err = frontdoor.Find(ctx, s.Client, s.Domain)
		if err != nil {
			return "", err
		}
		return "at " + s.Door.Address, nil
	})
}

// inOrder says when each layer was first ready, and complains when one was before the layer that it waits for.
func inOrder(first map[string]time.Duration) (string, error) {
	var text strings.Builder
	var before time.Duration
	var problems []error
	for _, layer := range []string{"crds", "controllers", "config", "platform", "tenant"} {
		at, there := first[layer]
		if !there {
			problems = append(problems, fmt.Errorf("layer %s was never ready", layer))
		}
		if at < before {
			problems = append(problems, fmt.Errorf("layer %s was ready before the one that it waits for", layer))
		}
		before = at
		fmt.Fprintf(&text, "%s %.0f s  ", layer, at.Seconds())
	}
	return strings.TrimSpace(text.String()), errors.Join(problems...)
}

// Publish renders and pushes what was edited, and waits until the whole cluster follows it.
func (s *Story) Publish(ctx context.Context, message string) error {
	commit, err := s.Fork.Publish(ctx, message, s.Cluster)
	if err != nil {
		return err
	}
	s.Commit = commit
	if err := flux.Fetch(ctx, s.Dynamic); err != nil {
		return err
	}
	count, err := s.units()
	if err != nil {
		return err
	}
	return flux.Await(ctx, s.Dynamic, flux.ReadyAt(commit, count))
}

// Token issues a token of a tenant.
func (s *Story) Token(ctx context.Context, tenant, scopes string) (string, error) {
	token, err := s.Fork.Run(ctx, "token", "issue", tenant, "--cluster", s.Cluster, "--scope", scopes, "--stdout")
	return strings.TrimSpace(token), err
}

func (s *Story) rendered() string {
	return filepath.Join(s.Fork.Dir, "clusters", s.Cluster, "rendered")
}

// situation is what a person would look at first when a step failed.
func (s *Story) situation() string {
	if s.Bed == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 30*time.Second)
	defer cancel()
	var text strings.Builder
	if all, err := flux.Units(ctx, s.Dynamic); err == nil {
		for _, u := range all {
			if !u.Ready {
				fmt.Fprintf(&text, "%s: %s: %.300s\n", u.Name, u.Reason, u.Message)
			}
		}
	}
	pods, err := s.unready(ctx)
	if err == nil {
		text.WriteString(strings.Join(pods, "\n"))
	}
	warnings, err := s.warnings(ctx)
	if err == nil {
		text.WriteString("\nwarnings:\n" + strings.Join(warnings, "\n"))
	}
	return text.String()
}

func (s *Story) end() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 2*time.Minute)
	defer cancel()
	if os.Getenv(keep) == "" {
		if err := s.Bed.Close(ctx); err != nil {
			s.t.Errorf("removing the bed: %v", err)
		}
	}
	fmt.Fprintf(os.Stderr, "%-10s %-58s %7.1f s\n", "in all", "", time.Since(s.began).Seconds())
}
