package oci

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// PushOptions configure Push. The zero value is for real registries.
type PushOptions struct {
	// Keychain has the credentials; nil means Docker's configuration and its helpers.
	Keychain authn.Keychain
	// Transport serves the registry; nil means Go's default.
	Transport http.RoundTripper
	// Backoff is the pause before the first retry; 0 means a second. It triples.
	Backoff time.Duration
	// Move lets a tag that is there already stand for something else. Without it that is an error.
	Move bool
}

const (
	attempts       = 4
	backoffFactor  = 3
	defaultBackoff = time.Second
)

// Push sends an index with its images to "registry/repository:tag" and returns its digest. Layers go first and the tag last,
// so that a push that stops leaves no tag to a part. A tag that stands for the same index already is not pushed again.
func Push(ctx context.Context, reference string, index v1.ImageIndex, o PushOptions) (string, error) {
	tag, err := name.NewTag(reference, name.StrictValidation)
	if err != nil {
		return "", fmt.Errorf("%q is not registry/repository:tag: %w", reference, err)
	}
	digest, err := index.Digest()
	if err != nil {
		return "", err
	}
	options := o.remote(ctx)
	if there, err := remote.Head(tag, options...); err == nil {
		if there.Digest == digest {
			return digest.String(), nil
		}
		if !o.Move {
			return "", fmt.Errorf("%s is there already and is something else (%s, not %s); a released tag does not move: release a new version",
				reference, there.Digest, digest)
		}
	}
	if err := remote.WriteIndex(tag, index, options...); err != nil {
		return "", fmt.Errorf("push %s: %w", reference, err)
	}
	// What the registry serves is what signatures and versions.yaml will name.
	served, err := remote.Head(tag, options...)
	if err != nil {
		return "", fmt.Errorf("look at %s after the push: %w", reference, err)
	}
	if served.Digest != digest {
		return "", fmt.Errorf("push %s: the registry serves %s under it, not %s", reference, served.Digest, digest)
	}
	return digest.String(), nil
}

func (o PushOptions) remote(ctx context.Context) []remote.Option {
	keychain, transport, pause := o.Keychain, o.Transport, o.Backoff
	if keychain == nil {
		keychain = authn.DefaultKeychain
	}
	if transport == nil {
		transport = remote.DefaultTransport
	}
	if pause == 0 {
		pause = defaultBackoff
	}
	backoff := remote.Backoff{Duration: pause, Factor: backoffFactor, Steps: attempts}
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuthFromKeychain(keychain), remote.WithTransport(transport),
		remote.WithRetryBackoff(backoff),
		remote.WithRetryStatusCodes(http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout),
	}
}
