package install

import (
	"context"
	"fmt"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// Options are what to install, and where.
type Options struct {
	// Tree is what was rendered.
	Tree *Tree
	// Kubernetes is how the cluster is reached.
	Kubernetes provider.Kubernetes
	// Git says how Flux reads the repository.
	Git Git
	// Named are objects that cluster.yaml names.
	Named []Named
	// Shared says that the cluster was there before: then down removes every object, and volumes are kept as data. Otherwise
	// the cluster goes as a whole, and only what Kubernetes made in the cloud is removed one by one.
	Shared bool
	// Patience is the longest wait for the layers. Default: 30 minutes.
	Patience time.Duration
}

// Phases that are added to the graph.
const (
	// PhaseFlux is Flux itself and what it begins with.
	PhaseFlux = "flux"
	// PhaseLayers is everything that Flux applies.
	PhaseLayers = "layers"
)

// Names of what is applied from here; Flux applies it again, from Git.
const (
	namespaces  = "crds/namespaces"
	definitions = "crds/flux"
	controllers = "controllers/flux"
	root        = "cluster"
	// fluxNamespace is where Flux and its objects live.
	fluxNamespace = "flux-system"
)

// installer makes the resources of this package.
type installer struct {
	Options
	graph *engine.Graph
}

// Add adds everything from the namespaces to the last layer.
func Add(g *engine.Graph, o Options) error {
	if o.Patience == 0 {
		o.Patience = 30 * time.Minute
	}
	i := &installer{Options: o, graph: g}
	spaces, err := i.addUnit("flux/namespaces", "namespaces", namespaces, time.Second, o.Kubernetes.After...)
	if err != nil {
		return err
	}
	made := i.addMade(spaces)
	crds, err := i.addUnit("flux/crds", "Flux' custom resources", definitions, 2*time.Second, spaces)
	if err != nil {
		return err
	}
	flux, err := i.addUnit("flux/controllers", "Flux' controllers", controllers, 20*time.Second, crds, made)
	if err != nil {
		return err
	}
	before := []engine.Dependency{flux}
	if o.Git.Secret != "" {
		before = append(before, i.addGitSecret(spaces))
	}
	for _, n := range o.Named {
		before = append(before, i.addNamed(n, spaces))
	}
	if o.Kubernetes.Secrets != nil {
		before = append(before, i.addSecrets(spaces))
	}
	sync, err := i.addUnit("flux/sync", "the Git source and its Kustomizations", root, time.Second, before...)
	if err != nil {
		return err
	}
	for _, layer := range Layers() {
		i.addLayer(layer, sync)
	}
	return nil
}

// client is a client of the cluster; the error wraps engine.ErrMissing as long as there is none.
func (i *installer) client(ctx context.Context) (client.Client, error) {
	config, err := i.Kubernetes.Config(ctx)
	if err != nil {
		return nil, err
	}
	return Client(config)
}

// Client is a client for objects of any kind.
func Client(config *rest.Config) (client.Client, error) {
	config = rest.CopyConfig(config)
	// Units are read object by object; the default of 5 a second is for controllers.
	config.QPS, config.Burst = 100, 200
	c, err := client.New(config, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("reach Kubernetes: %w", err)
	}
	return c, nil
}
