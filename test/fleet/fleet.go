package fleet

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
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/test/bed"
	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/fluxprocess"
	"github.com/opsgen/opsgen/test/fork"
	"github.com/opsgen/opsgen/test/story"
)

// keep names the variable that leaves the bed up after the test; its Flux ends with the test.
const keep = "OPSGEN_KEEP_BED"

// Repository is the address that the examples follow.
const Repository = "https://github.com/acme/observability"

// A Fleet is a cluster of fake nodes and its fork. What it reads of rendered objects is story.Story's.
type Fleet struct {
	story.Story
	// Flux is the running controllers, once the cluster is installed.
	Flux *fluxprocess.Flux

	t *testing.T
	// source is the repository that was forked.
	source   string
	programs map[string]string
	// next is the opsgen that the fork is to be upgraded to, where it was forked from an older revision.
	next string
	// authority is the certificate of the API server's, as any that webhooks might have.
	authority []byte
	// release is the number of the last deployment tag.
	release int
	// changes counts those of one tenant, so that each is another.
	changes int
	began   time.Time
}

// Begin builds what is missing, starts a bed of fake nodes in the cluster's own zones, and makes a fork whose first
// deployment tag is v1.0.1. It is a fork of what the repository was at a revision; empty: of what is in the working folder.
func Begin(t *testing.T, name, cluster string, nodes int, revision string) *Fleet {
	t.Helper()
	f := &Fleet{Story: story.Story{Options: story.Options{Name: name, Cluster: cluster, Repository: Repository}}, t: t, began: time.Now()}
	f.Step("build", 50*time.Minute, func(ctx context.Context) (string, error) {
		var err error
		f.programs, err = build.Ensure(ctx, []string{"opsgen", "kubectl", "source-controller", "kustomize-controller"}, build.Options{})
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d programs", len(f.programs)), f.find(ctx, revision)
	})
	f.Step("nodes", 3*time.Minute, func(ctx context.Context) (string, error) {
		zones, err := f.zones()
		if err != nil {
			return "", err
		}
		f.Bed, err = bed.Up(ctx, bed.Options{
			Name: name, Fake: nodes, Zones: zones, Repositories: []string{Repository}, Detached: os.Getenv(keep) != "",
		})
		if err != nil {
			return "", err
		}
		t.Cleanup(f.end)
		return fmt.Sprintf("%d fake ones in %s", nodes, strings.Join(zones, ", ")), f.connect()
	})
	f.Step("render", 5*time.Minute, f.makeFork)
	return f
}

// zones are the cluster's, or the bed's own when it names none.
func (f *Fleet) zones() ([]string, error) {
	data, err := os.ReadFile(filepath.Join(f.source, "clusters", f.Cluster, "cluster.yaml"))
	if err != nil {
		return nil, fmt.Errorf("looking for zones: %w", err)
	}
	var described struct {
		Provider struct{ Zones []string }
	}
	if err := yaml.Unmarshal(data, &described); err != nil {
		return nil, fmt.Errorf("looking for zones: %w", err)
	}
	if len(described.Provider.Zones) == 0 {
		return bed.Zones(), nil
	}
	return described.Provider.Zones, nil
}

func (f *Fleet) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", f.Bed.Kubeconfig())
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS, config.Burst = 100, 200
	if err := rest.LoadTLSFiles(config); err != nil {
		return fmt.Errorf("reading the authority: %w", err)
	}
	f.authority = config.CAData
	if f.Dynamic, err = dynamic.NewForConfig(config); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	if f.Client, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	return nil
}

func (f *Fleet) makeFork(ctx context.Context) (string, error) {
	remote, err := f.Bed.Repository(f.Repository)
	if err != nil {
		return "", err
	}
	if f.Fork, err = fork.Of(ctx, f.source, f.t.TempDir(), remote, f.programs["opsgen"], f.Cluster); err != nil {
		return "", err
	}
	if err := f.Release(ctx, "Render "+f.Cluster); err != nil {
		return "", err
	}
	objects, err := f.Rendered()
	return fmt.Sprintf("%d objects, released as v1.0.%d", len(objects), f.release), err
}

// Release renders and commits what was edited, and pushes it with the next deployment tag. Flux is not told.
func (f *Fleet) Release(ctx context.Context, message string) error {
	if _, err := f.Fork.Run(ctx, "render", f.Cluster); err != nil {
		return err
	}
	for _, arguments := range [][]string{{"add", "--all"}, {"commit", "--quiet", "--message", message}} {
		if _, err := f.Fork.Git(ctx, arguments...); err != nil {
			return err
		}
	}
	return f.tag(ctx)
}

// tag pushes what is committed with the next deployment tag.
func (f *Fleet) tag(ctx context.Context) error {
	f.release++
	name := fmt.Sprintf("v1.0.%d", f.release)
	for _, arguments := range [][]string{{"tag", "--message", name, name}, {"push", "--quiet", "origin", "main", name}} {
		if _, err := f.Fork.Git(ctx, arguments...); err != nil {
			return err
		}
	}
	commit, err := f.Fork.Git(ctx, "rev-parse", "HEAD")
	f.Commit = strings.TrimSpace(commit)
	return err
}

// Follow has Flux look at Git and waits until the whole cluster is ready at the newest release.
func (f *Fleet) Follow(ctx context.Context) error {
	if err := flux.Fetch(ctx, f.Dynamic); err != nil {
		return err
	}
	return f.await(ctx)
}

func (f *Fleet) await(ctx context.Context) error {
	names, err := f.unitNames()
	if err != nil {
		return err
	}
	return flux.Await(ctx, f.Dynamic, flux.ReadyAt(f.Commit, len(names)))
}

// unitNames are the names of all rendered Kustomizations.
func (f *Fleet) unitNames() ([]string, error) {
	objects, err := f.Rendered()
	var names []string
	for _, o := range objects {
		if o.GetKind() == "Kustomization" {
			names = append(names, o.GetName())
		}
	}
	return names, err
}

// Install gives the cluster its first objects, starts Flux and what is played, and has Flux do the rest.
func (f *Fleet) Install() {
	f.t.Helper()
	f.Step("install", 3*time.Minute, func(ctx context.Context) (string, error) {
		rendered := filepath.Join(f.Fork.Dir, "clusters", f.Cluster, "rendered")
		if err := flux.Install(ctx, f.programs["kubectl"], f.Bed.Kubeconfig(), rendered); err != nil {
			return "", err
		}
		play(f.t.Context(), f.Client, f.Dynamic, f.authority)
		dir := filepath.Join(f.t.TempDir(), "flux")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("making a folder for Flux: %w", err)
		}
		var err error
		f.Flux, err = fluxprocess.Start(ctx, fluxprocess.Options{
			Rendered: rendered, Kubeconfig: f.Bed.Kubeconfig(), Programs: f.programs, Dir: dir,
			Address: f.Bed.HostAddress(), Git: f.Bed.GitAddress(), AuthorityFile: f.Bed.AuthorityFile(),
		})
		if err != nil {
			return "", err
		}
		f.t.Cleanup(f.Flux.Stop)
		return "Flux as two processes, with the rights of its accounts", nil
	})
	f.Step("flux", 15*time.Minute, f.layers)
}

// layers waits until the cluster is ready and says when each layer was. It complains when one had begun to be ready before
// all of the layer that it waits for were.
func (f *Fleet) layers(ctx context.Context) (string, error) {
	names, err := f.unitNames()
	if err != nil {
		return "", err
	}
	units := map[string]bool{}
	first, last := map[string]time.Duration{}, map[string]time.Duration{}
	began := time.Now()
	if err := flux.Await(ctx, f.Dynamic, func(all []flux.Unit) error {
		now := time.Since(began)
		for _, u := range all {
			if units[u.Name] || !u.Ready || u.Revision != f.Commit {
				continue
			}
			if _, seen := first[u.Layer]; !seen {
				first[u.Layer] = now
			}
			units[u.Name], last[u.Layer] = true, now
		}
		return flux.ReadyAt(f.Commit, len(names))(all)
	}); err != nil {
		return "", err
	}
	var text strings.Builder
	var problems []error
	before := ""
	for _, layer := range []string{"crds", "controllers", "config", "platform", "tenants", "tenant"} {
		if _, there := first[layer]; !there {
			problems = append(problems, fmt.Errorf("layer %s was never ready", layer))
		}
		if first[layer] < last[before] {
			problems = append(problems, fmt.Errorf("layer %s began to be ready after %s, before all of %s were after %s",
				layer, first[layer], before, last[before]))
		}
		fmt.Fprintf(&text, "%s %.0f s  ", layer, last[layer].Seconds())
		before = layer
	}
	return strings.TrimSpace(text.String()), errors.Join(problems...)
}

// Step runs one step, prints its name, what it answers and how long it took, and ends the test when it fails or takes
// longer than the limit.
func (f *Fleet) Step(name string, limit time.Duration, run func(context.Context) (string, error)) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), limit)
	defer cancel()
	began := time.Now()
	text, err := run(ctx)
	took := time.Since(began).Seconds()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%-10s FAILED %60.1f s\n", name, took)
		f.t.Fatalf("%s: %v", name, err)
	}
	fmt.Fprintf(os.Stderr, "%-10s %-58s %7.1f s\n", name, text, took)
}

func (f *Fleet) end() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(f.t.Context()), 2*time.Minute)
	defer cancel()
	if os.Getenv(keep) == "" {
		if err := f.Bed.Close(ctx); err != nil {
			f.t.Errorf("removing the bed: %v", err)
		}
	}
	fmt.Fprintf(os.Stderr, "%-10s %-58s %7.1f s\n", "in all", "", time.Since(f.began).Seconds())
}
