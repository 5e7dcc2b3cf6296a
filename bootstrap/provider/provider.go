package provider

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
)

// ControlPlane is the name of the resource that is Kubernetes itself, for clouds that make one.
const ControlPlane = "cluster/control-plane"

// Target is the cluster that is to be, and what the user gave to make it.
type Target struct {
	// Cluster is clusters/<name>/cluster.yaml with its defaults.
	Cluster *cluster.Cluster
	// Bundle is versions.yaml.
	Bundle *bundle.Bundle
	// Amounts are what the cluster will use, for prices and the number of nodes.
	Amounts price.Amounts
	// Kubeconfig and Context choose the cluster for provider existing; empty for what kubectl would take.
	Kubeconfig, Context string
	// Keys open the S3-compatible storage of provider existing.
	Keys StorageKeys
	// Transport carries all calls to the cloud; nil for the real network. Tests give a fake's.
	Transport http.RoundTripper
	// LookupNS asks the DNS for the name servers of a domain; nil for the machine's resolver.
	LookupNS func(ctx context.Context, domain string) ([]*net.NS, error)
}

// NameServers are the name servers that the DNS gives for a domain.
func (t *Target) NameServers(ctx context.Context, domain string) ([]string, error) {
	lookup := t.LookupNS
	if lookup == nil {
		lookup = net.DefaultResolver.LookupNS
	}
	records, err := lookup(ctx, domain)
	if err != nil {
		return nil, fmt.Errorf("ask the DNS who serves %s: %w", domain, err)
	}
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = r.Host
	}
	return names, nil
}

// StorageKeys are the credentials of an S3-compatible storage; both are empty when none are given.
type StorageKeys struct{ Access, Secret string }

// Provider is a cloud, for one target.
type Provider interface {
	// Headline is the place in one line: "aws 123456789012 eu-central-1 · EKS 1.35 · 3 zones".
	Headline() string
	// Preflight checks everything that can be known before the first write, and changes nothing. It returns all checks,
	// those that passed too, in the order in which they are shown.
	Preflight(ctx context.Context) []Check
	// Resources adds the cloud's resources to the graph and says how Kubernetes is reached once they are there.
	Resources(g *engine.Graph) (Kubernetes, error)
	// Classify tells the cloud's errors apart.
	Classify(err error) engine.Verdict
	// Leases keep the lease of the cluster. Write with no version makes what holds the lease (a bucket) where it is missing,
	// with the tags of the resource that it is; any other Write must not.
	Leases() engine.Leases
	// Leftovers searches, by tag and by name, for everything that is or might be the cluster's. It is asked after down.
	Leftovers(ctx context.Context) ([]Leftover, error)
}

// Bearer is a Provider whose Kubernetes takes tokens that are made anew again and again. Only the target's name and its
// provider's name, region and account are known then.
type Bearer interface {
	// Bearer makes a token, and says until when it is good.
	Bearer(ctx context.Context) (token string, until time.Time, err error)
}

// Kubernetes is how the cluster is reached. Its functions return an error that wraps engine.ErrMissing as long as there is
// no cluster that answers.
type Kubernetes struct {
	// After are the resources that must be ready before pods can run.
	After []engine.Dependency
	// Config is for clients.
	Config func(ctx context.Context) (*rest.Config, error)
	// Kubeconfig is for people: it must work without the cloud's command-line tools.
	Kubeconfig func(ctx context.Context) (*api.Config, error)
	// Secrets are made in the cluster before Flux, where they are not there; nil for none.
	Secrets func(ctx context.Context) ([]Secret, error)
}

// Secret is a Secret of the cluster.
type Secret struct {
	Namespace, Name string
	Data            map[string][]byte
}

// Check is one thing that was looked at before the first write.
type Check struct {
	// Name is short: "quotas".
	Name string `json:"name"`
	// Detail is what was found, where it is worth a word: "9 of 64 vCPU".
	Detail string `json:"detail,omitempty"`
	// Problem is what is wrong; empty for a check that passed. Hint says what to do.
	Problem string `json:"problem,omitempty"`
	Hint    string `json:"hint,omitempty"`
	// Warning marks a problem that does not keep up from beginning.
	Warning bool `json:"warning,omitempty"`
}

// Leftover is something in the cloud that belongs, or may belong, to the cluster.
type Leftover struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	// Why says how it was found: "tag opsgen.io/cluster", "name".
	Why string `json:"why"`
	// Data says that it was kept on purpose. Detail is its size or age where known.
	Data   bool   `json:"data,omitempty"`
	Detail string `json:"detail,omitempty"`
}
