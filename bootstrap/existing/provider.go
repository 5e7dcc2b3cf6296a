package existing

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// existing is a cluster that is there.
type existing struct {
	provider.Target
	loader  clientcmd.ClientConfig
	config  *rest.Config
	client  kubernetes.Interface
	storage *storage
}

// New reads the kubeconfig. Nothing is called yet.
func New(_ context.Context, t provider.Target) (provider.Provider, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = t.Kubeconfig
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: t.Context})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w; name one with --kubeconfig, or a context of it with --context", err)
	}
	// Warnings of the API server are for those who write manifests.
	config.WarningHandler = rest.NoWarnings{}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("use the kubeconfig: %w", err)
	}
	e := &existing{Target: t, loader: loader, config: config, client: client}
	if !t.Cluster.BundledStorage() && (t.Keys != provider.StorageKeys{}) {
		e.storage = newStorage(t)
	}
	return e, nil
}

// Headline implements provider.Provider.
func (e *existing) Headline() string {
	storage := "storage in the cluster"
	if !e.Cluster.BundledStorage() {
		storage = "storage " + e.Cluster.Provider.Storage.Endpoint
	}
	return fmt.Sprintf("existing cluster %s · Kubernetes %s · %s", e.config.Host, e.Cluster.Kubernetes, storage)
}

// Classify implements provider.Provider. Errors of Kubernetes are package install's to tell apart.
func (e *existing) Classify(err error) engine.Verdict {
	if verdict, ok := classifyStorage(err); ok {
		return verdict
	}
	// What is left is the network.
	return engine.Verdict{Class: engine.Uncertain}
}

// Leases implements provider.Provider.
func (e *existing) Leases() engine.Leases { return leases{e.client} }

// Resources implements provider.Provider.
func (e *existing) Resources(g *engine.Graph) (provider.Kubernetes, error) {
	var after []engine.Dependency
	if e.storage != nil {
		after = e.storage.resources(g)
	}
	return provider.Kubernetes{
		After:      after,
		Config:     func(context.Context) (*rest.Config, error) { return e.config, nil },
		Kubeconfig: e.kubeconfig,
		Secrets:    e.secrets,
	}, nil
}

// kubeconfig is the user's own, with nothing but the context that is used.
func (e *existing) kubeconfig(context.Context) (*api.Config, error) {
	raw, err := e.loader.RawConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	if e.Context != "" {
		raw.CurrentContext = e.Context
	}
	if err := api.MinifyConfig(&raw); err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	if err := api.FlattenConfig(&raw); err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	return &raw, nil
}

// storageNamespaces are those whose pods read the storage's keys.
func storageNamespaces() []string { return []string{"cortex", "loki"} }

// secrets are the storage's keys, where they were given.
func (e *existing) secrets(context.Context) ([]provider.Secret, error) {
	name := e.Cluster.Provider.Storage.Secret
	if name == "" || e.storage == nil {
		return nil, nil
	}
	var secrets []provider.Secret
	for _, namespace := range storageNamespaces() {
		secrets = append(secrets, provider.Secret{Namespace: namespace, Name: name, Data: map[string][]byte{
			"access-key": []byte(e.Keys.Access), "secret-key": []byte(e.Keys.Secret),
		}})
	}
	return secrets, nil
}

// unreachable says whether an error is not an answer of the API server.
func unreachable(err error) bool {
	var status apierrors.APIStatus
	return err != nil && !errors.As(err, &status)
}

// transport is what calls go through.
func transport(t provider.Target) http.RoundTripper {
	if t.Transport != nil {
		return t.Transport
	}
	return http.DefaultTransport
}
