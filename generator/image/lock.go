package image

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/opsgen/opsgen/generator/bundle"
)

// Options configure Lock. The zero value locks every image.
type Options struct {
	// Names are the images to ask for; empty means all.
	Names []string
	// Parallel is how many registries are asked at a time; 0 means 4.
	Parallel int
	// Timeout bounds one request; 0 means 30 s.
	Timeout time.Duration
	// Transport and Keychain serve registries; nil means Go's default transport and Docker's credentials.
	Transport http.RoundTripper
	Keychain  authn.Keychain
	// Wait pauses between retries; nil means real time.
	Wait func(ctx context.Context, d time.Duration) error
	// Progress is told each image as it is done; it may be called by several goroutines. May be nil.
	Progress func(Resolution)
}

// Resolution is what a registry said about one image.
type Resolution struct {
	// Name is the image's name in versions.yaml, Reference its repository and tag.
	Name, Reference string
	// Previous is the digest in versions.yaml; may be empty.
	Previous string
	// Digest is what the tag stands for now ("sha256:…", of the index where the image has several platforms); empty
	// when Err says why it is not known.
	Digest string
	Err    error
}

// Moved says that the tag stands for something else than it did when it was locked. Publishers do that rarely for a
// released version, so it is worth a look.
func (r Resolution) Moved() bool { return r.Err == nil && r.Previous != "" && r.Previous != r.Digest }

const (
	defaultParallel = 4
	defaultTimeout  = 30 * time.Second
	attempts        = 4
	firstBackoff    = time.Second
)

// Lock asks the registries what the bundle's tags stand for. It returns one resolution an image, sorted by name, also
// when some could not be resolved; the error then names all of these.
func Lock(ctx context.Context, b *bundle.Bundle, o Options) ([]Resolution, error) {
	names, err := chosen(b, o.Names)
	if err != nil {
		return nil, err
	}
	r := newResolver(ctx, o)
	resolutions := make([]Resolution, len(names))
	slots := make(chan struct{}, r.options.Parallel)
	var group sync.WaitGroup
	for i, imageName := range names {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			resolutions[i] = r.resolve(imageName, b.Images[imageName])
			r.options.Progress(resolutions[i])
		})
	}
	group.Wait()
	return resolutions, unresolved(resolutions)
}

func chosen(b *bundle.Bundle, wanted []string) ([]string, error) {
	known := slices.Sorted(maps.Keys(b.Images))
	if len(wanted) == 0 {
		return known, nil
	}
	for _, imageName := range wanted {
		if _, found := b.Images[imageName]; !found {
			return nil, fmt.Errorf("versions.yaml has no image %q; it has %s", imageName, strings.Join(known, ", "))
		}
	}
	names := slices.Clone(wanted)
	slices.Sort(names)
	return slices.Compact(names), nil
}

func unresolved(resolutions []Resolution) error {
	var failures []error
	for _, r := range resolutions {
		if r.Err != nil {
			failures = append(failures, fmt.Errorf("  %s: %w", r.Name, r.Err))
		}
	}
	if len(failures) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d images could not be resolved and stay as they are:\n%w", len(failures), len(resolutions), errors.Join(failures...))
}

type resolver struct {
	ctx     context.Context
	options Options
}

func newResolver(ctx context.Context, o Options) *resolver {
	if o.Parallel <= 0 {
		o.Parallel = defaultParallel
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	if o.Progress == nil {
		o.Progress = func(Resolution) {}
	}
	return &resolver{ctx: ctx, options: o}
}

func (r *resolver) resolve(imageName string, image bundle.Image) Resolution {
	result := Resolution{Name: imageName, Reference: image.Repository + ":" + image.Tag, Previous: image.Digest}
	tag, err := name.NewTag(result.Reference)
	if err != nil {
		result.Err = err
		return result
	}
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		result.Digest, result.Err = r.ask(tag)
		if result.Err == nil || attempt == attempts || r.ctx.Err() != nil || !passing(result.Err) {
			break
		}
		if err := r.options.Wait(r.ctx, backoff); err != nil {
			result.Err = err
			return result
		}
		backoff *= 2
	}
	result.Err = explain(result.Reference, result.Err)
	return result
}

// ask makes one attempt. HEAD does not count against registries' limits; a few registries answer only GET.
func (r *resolver) ask(tag name.Tag) (string, error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.options.Timeout)
	defer cancel()
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(r.options.Transport), remote.WithAuthFromKeychain(r.options.Keychain),
		// Retries are done here, where they can be watched; the library's own would sleep.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithRetryStatusCodes(),
	}
	head, err := remote.Head(tag, options...)
	if err == nil {
		return head.Digest.String(), nil
	}
	if status := (*transport.Error)(nil); errors.As(err, &status) && status.StatusCode != http.StatusMethodNotAllowed {
		return "", err
	}
	if passing(err) {
		return "", err
	}
	found, err := remote.Get(tag, options...)
	if err != nil {
		return "", err
	}
	return found.Digest.String(), nil
}

// passing says whether trying again may help.
func passing(err error) bool {
	if status := (*transport.Error)(nil); errors.As(err, &status) {
		return status.StatusCode == http.StatusTooManyRequests || status.StatusCode == http.StatusRequestTimeout ||
			status.StatusCode >= http.StatusInternalServerError
	}
	if lookup := (*net.DNSError)(nil); errors.As(err, &lookup) && lookup.IsNotFound {
		return false
	}
	network := net.Error(nil)
	return errors.As(err, &network)
}

// explain says what a registry's answer means for the user.
func explain(reference string, err error) error {
	status := (*transport.Error)(nil)
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &status):
		return fmt.Errorf("%s: %w", reference, err)
	}
	switch status.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%s is not in the registry; correct repository or tag in versions.yaml: %w", reference, err)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s: the registry refuses access; run docker login for it: %w", reference, err)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%s: the registry's limit is used up; run docker login for it, or try again later: %w", reference, err)
	default:
		return fmt.Errorf("%s: %w", reference, err)
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
