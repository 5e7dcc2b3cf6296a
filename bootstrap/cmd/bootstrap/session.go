package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/opsgen/opsgen/bootstrap/aws"
	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/existing"
	"github.com/opsgen/opsgen/bootstrap/gcp"
	"github.com/opsgen/opsgen/bootstrap/install"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/advice"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/sizing"
	"github.com/opsgen/opsgen/generator/tenant"
)

// session is one cluster with everything that a command needs of it.
type session struct {
	*app
	cluster    *cluster.Cluster
	version    string
	provider   provider.Provider
	kubernetes provider.Kubernetes
	graph      *engine.Graph
	tree       *install.Tree
	git        install.Git
	// named are the objects that cluster.yaml names, root is the repository, tenants are the names of those who live here.
	named   []install.Named
	root    string
	tenants map[string]bool
	prices  price.Table
	amounts price.Amounts
	// noKubernetes says that Kubernetes is not asked for anything: see askNobody.
	noKubernetes bool
}

// open is openAnyway, and refuses what the command line says wrongly of this cluster.
func (a *app) open(ctx context.Context, argument string) (*session, error) {
	s, err := a.openAnyway(ctx, argument)
	if err != nil {
		return nil, err
	}
	for _, check := range []func() error{s.checkUntil, s.checkTenant, func() error { return a.checkUnused(s.cluster) }} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// openAnyway reads a cluster's files and makes the graph of all that it is to be.
func (a *app) openAnyway(ctx context.Context, argument string) (*session, error) {
	root, err := repository.FindRoot(a.settings.GetString("root"))
	if err != nil {
		return nil, usageError{err}
	}
	name := filepath.Base(filepath.Clean(argument))
	repo, err := repository.Load(root, []string{name})
	if err != nil {
		return nil, err
	}
	c := repo.Clusters[0]
	s := &session{app: a, cluster: c.Cluster, version: repo.Bundle.Version, root: root, tenants: map[string]bool{}}
	var tenants []*tenant.Tenant
	for _, t := range repo.Tenants {
		if t.On(name) {
			s.tenants[t.Name] = true
			tenants = append(tenants, t.For(c.Cluster))
		}
	}
	sizes, err := sizing.Compute(c.Cluster, len(tenants))
	if err != nil {
		return nil, sizing.Locate(err, c.File)
	}
	sizes = sizes.Counted(c.Cluster, tenants)
	if err := refusals(advice.Input{Bundle: repo.Bundle, Cluster: c.Cluster, File: c.File, Sizing: sizes}); err != nil {
		return nil, err
	}
	if s.prices, err = price.Load(a.settings.GetString("prices")); err != nil {
		return nil, usageError{err}
	}
	s.amounts = price.Measure(c.Cluster, sizes)
	if s.tree, err = install.Open(os.DirFS(filepath.Join(root, "clusters", name, "rendered"))); err != nil {
		return nil, document.Problems{{File: "clusters/" + name + "/rendered", Message: err.Error()}}
	}
	if s.git, err = a.gitSettings(c.Cluster); err != nil {
		return nil, err
	}
	if s.named, err = a.named(c.Cluster); err != nil {
		return nil, err
	}
	if s.provider, err = a.newProvider(ctx, provider.Target{
		Cluster: c.Cluster, Bundle: repo.Bundle, Amounts: s.amounts,
		Kubeconfig: a.settings.GetString("kubeconfig"), Context: a.settings.GetString("context"),
		Keys: provider.StorageKeys{Access: a.settings.GetString("s3-access-key"), Secret: a.settings.GetString("s3-secret-key")},
	}); err != nil {
		return nil, usageError{err} // nothing was called yet: it is a file, or a setting
	}
	return s, s.newGraph()
}

// refusals are what the renderer would refuse of cluster.yaml: it may have changed since it was rendered.
func refusals(in advice.Input) error {
	var problems document.Problems
	for _, a := range advice.Check(in) {
		if a.Refuse {
			problems = append(problems, a.Problem)
		}
	}
	return problems.Err()
}

// newProvider is the place that cluster.yaml names.
func (a *app) newProvider(ctx context.Context, t provider.Target) (provider.Provider, error) {
	if a.reach != nil {
		a.reach(&t)
	}
	switch t.Cluster.Provider.Name {
	case cluster.AWS:
		return aws.New(ctx, t)
	case cluster.GCP:
		return gcp.New(ctx, t)
	default:
		return existing.New(ctx, t)
	}
}

// newGraph is everything from the first resource of the cloud to the last layer of the bundle.
func (s *session) newGraph() error {
	s.graph = engine.NewGraph(s.cluster.Name, s.version)
	var err error
	if s.kubernetes, err = s.provider.Resources(s.graph); err != nil {
		return err
	}
	s.kubernetes.Config = s.mute(s.kubernetes.Config)
	err = install.Add(s.graph, install.Options{
		Tree: s.tree, Kubernetes: s.kubernetes, Git: s.git, Named: s.named, Shared: s.cluster.Provider.Name == cluster.Existing,
		Patience: s.limit(0),
	})
	if err != nil {
		return err
	}
	return s.graph.Err()
}

// gitSettings are how Flux is to read the repository.
func (a *app) gitSettings(c *cluster.Cluster) (install.Git, error) {
	g := install.Git{URL: c.Source.URL, Secret: c.Source.Secret}
	var err error
	if g.Token, err = a.secretSetting("git-token"); err != nil {
		return g, usageError{err}
	}
	for name, into := range map[string]*[]byte{"git-key-file": &g.Key, "git-known-hosts": &g.KnownHosts} {
		file := a.settings.GetString(name)
		if file == "" {
			continue
		}
		if *into, err = os.ReadFile(file); err != nil {
			return g, usage("read --%s: %w", name, err)
		}
	}
	if err := checkKey(g.Key); err != nil {
		return g, err
	}
	return g, checkHosts(g.KnownHosts, a.settings.GetString("git-known-hosts") != "")
}

// options are those of every run.
func (s *session) options() engine.Options {
	return engine.Options{Classify: s.classify}
}

// classify asks those who know: Kubernetes' errors look the same on every cloud.
func (s *session) classify(err error) engine.Verdict {
	if verdict, known := install.Classify(err); known {
		return verdict
	}
	return s.provider.Classify(err)
}

// lookTime is the longest time for looking at everything: what does not answer by then is not there for us.
const lookTime = 2 * time.Minute

// look is the plan up to a phase, "" for all. What fails in a way that passes is asked again only for lookTime.
func (s *session) look(ctx context.Context, until string) (engine.Plan, error) {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	last := "there was no answer"
	o := s.options()
	o.Until = until
	o.Events = func(e engine.Event) {
		if e.What == engine.Retrying {
			last = e.Resource + ": " + e.Detail
		}
	}
	plan, err := s.graph.Plan(limited, o)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return nil, fmt.Errorf("looking at everything took longer than %s; last: %s", lookTime, last)
	}
	return plan, err
}

// hold does something while nobody else works on the cluster.
func (s *session) hold(ctx context.Context, command string, do func(context.Context) error) error {
	id := make([]byte, 8)
	if _, err := rand.Read(id); err != nil {
		return fmt.Errorf("name the run: %w", err)
	}
	h := engine.Holding{
		Leases: s.provider.Leases(), Classify: s.classify,
		Mine: engine.Lease{Run: hex.EncodeToString(id), Holder: holder(), Command: command, Began: time.Now()},
	}
	told := false
	h.Waiting = func(there engine.Lease, left time.Duration) {
		if !told {
			told = true
			fmt.Fprintf(s.stderr, "%-11s%s began `bootstrap %s` and may have been killed; looking for %s whether it lives\n",
				"lock", there.Holder, there.Command, left.Round(time.Second))
		}
	}
	return engine.Hold(ctx, h, do)
}

// holder says who runs this, for the one who finds the lease.
func holder() string {
	name := "somebody"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown machine"
	}
	return fmt.Sprintf("%s on %s (process %d)", name, host, os.Getpid())
}
