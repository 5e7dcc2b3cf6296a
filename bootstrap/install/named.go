package install

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// Named is an object that cluster.yaml names and the user fills: it is in the cluster already, or made of what was given.
// One that is there is left as it is, so that it may be rotated.
type Named struct {
	// Option is the field of cluster.yaml ("source.verifySecret").
	Option string
	// ConfigMap says that it is a ConfigMap and no Secret.
	ConfigMap       bool
	Namespace, Name string
	// Data is what was given; nil for nothing.
	Data map[string][]byte
	// Hint says how to give it.
	Hint string
	// Optional says that the cluster runs without it, and what does not.
	Optional string
}

// Resource is its name in the graph.
func (n *Named) Resource() string { return PhaseFlux + "/" + n.Option }

// Check says whether it is missing. There says that it is in the cluster.
func (n *Named) Check(there bool) provider.Check {
	check := provider.Check{Name: n.Option}
	if there || n.Data != nil {
		return check
	}
	check.Problem = fmt.Sprintf("cluster.yaml names %s/%s, which is not in the cluster, and nothing was given to make it of", n.Namespace, n.Name)
	check.Hint = n.Hint
	if n.Optional != "" {
		check.Warning, check.Problem = true, check.Problem+": "+n.Optional
	}
	return check
}

// object is an empty one, as an object for Kubernetes' client.
func (n *Named) object() client.Object {
	if n.ConfigMap {
		return &corev1.ConfigMap{}
	}
	return &corev1.Secret{}
}

// filled is the one that is made.
func (n *Named) filled() client.Object {
	secret := newSecret(provider.Secret{Namespace: n.Namespace, Name: n.Name, Data: n.Data})
	if !n.ConfigMap {
		return secret
	}
	text := map[string]string{}
	for key, value := range n.Data {
		text[key] = string(value)
	}
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: n.Namespace, Name: n.Name, Labels: secret.Labels}, Data: text}
}

func (i *installer) addNamed(n Named, after engine.Dependency) engine.Dependency {
	kind := map[bool]string{true: "ConfigMap", false: "Secret"}[n.ConfigMap]
	r := engine.Resource[none]{
		Name: n.Resource(), Kind: kind, ID: n.Namespace + "/" + n.Name, Part: true, Expected: time.Second,
		Find: func(ctx context.Context) (engine.State[none], error) {
			c, err := i.client(ctx)
			if err != nil {
				return engine.State[none]{}, err
			}
			switch err := c.Get(ctx, client.ObjectKey{Namespace: n.Namespace, Name: n.Name}, n.object()); {
			case apierrors.IsNotFound(err):
				return engine.State[none]{}, nil
			case err != nil:
				return engine.State[none]{}, fmt.Errorf("read the %s of %s: %w", kind, n.Option, err)
			}
			return engine.State[none]{Condition: engine.Ready}, nil
		},
	}
	if n.Data != nil {
		r.Create = func(ctx context.Context) error {
			c, err := i.client(ctx)
			if err != nil {
				return err
			}
			return c.Create(ctx, n.filled())
		}
	}
	return engine.Add(i.graph, r, after)
}
