package gcp

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// restConfig reaches the cluster as the one whose credentials are used: GKE takes the same tokens as all of Google Cloud.
func (c *cloud) restConfig(ctx context.Context) (*rest.Config, error) {
	there, err := c.reached(ctx)
	if err != nil {
		return nil, err
	}
	return &rest.Config{
		Host: there.endpoint, TLSClientConfig: rest.TLSClientConfig{CAData: there.ca}, WarningHandler: rest.NoWarnings{},
		WrapTransport: func(next http.RoundTripper) http.RoundTripper {
			if c.Transport != nil {
				next = c.Transport
			}
			return &authorized{tokens: c.credentials.TokenSource, next: next}
		},
	}, nil
}

// reached is the cluster's address, once it has one that answers.
func (c *cloud) reached(ctx context.Context) (controlPlane, error) {
	there, err := c.cluster.Get(ctx)
	if err == nil && (there.endpoint == "" || there.coming) {
		err = fmt.Errorf("the cluster is not there yet: %w", engine.ErrMissing)
	}
	return there, err
}

// Bearer implements provider.Bearer: the token of the credentials themselves.
func (c *cloud) Bearer(context.Context) (string, time.Time, error) {
	token, err := c.credentials.Token()
	if err != nil {
		return "", time.Time{}, &unsentError{err}
	}
	return token.AccessToken, token.Expiry, nil
}

// kubeconfig holds a token, and so is good for an hour at most: who needs it for longer asks for it again.
func (c *cloud) kubeconfig(ctx context.Context) (*api.Config, error) {
	there, err := c.reached(ctx)
	if err != nil {
		return nil, err
	}
	token, _, err := c.Bearer(ctx)
	if err != nil {
		return nil, err
	}
	return provider.Kubeconfig(c.Cluster.Name, there.endpoint, there.ca, token), nil
}
