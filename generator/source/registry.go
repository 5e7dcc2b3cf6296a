package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/opsgen/opsgen/generator/bundle"
)

// chartLayer is the media type of a chart's archive in a registry.
const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// registryPin is a chart in a registry. The sum is its manifest's digest, so the manifest is kept beside the archive:
// it is what ties the archive to the sum.
type registryPin struct {
	name   string
	source bundle.Source
	store  *Store
}

func (p *registryPin) repository() string { return strings.TrimPrefix(p.source.OCI, "oci://") }

func (p *registryPin) label() string { return p.source.OCI + " " + p.source.Version }

func (p *registryPin) files() []string {
	base := fileName(p.repository(), p.source.Version, p.source.Sum)
	return []string{base + ".tgz", base + ".json"}
}

func (p *registryPin) mismatch(got, place, hint string) *MismatchError {
	return &MismatchError{
		Name: p.name, Package: p.label(), Place: place, Expected: p.source.Sum, Got: got, Authority: "versions.yaml", Hint: hint,
	}
}

const adviceAltered = "Do not go on: the chart was altered."

func (p *registryPin) verify(dir, place string) error {
	files := p.files()
	got, err := digestOf(filepath.Join(dir, files[1]))
	if err != nil {
		return fmt.Errorf("source %s: %w", p.name, err)
	}
	if got != p.source.Sum {
		return p.mismatch(got, place, adviceAltered)
	}
	layer, err := p.layerOf(filepath.Join(dir, files[1]))
	if err != nil {
		return err
	}
	archive := filepath.Join(dir, files[0])
	got, err = digestOf(archive)
	if err != nil {
		return fmt.Errorf("source %s: %w", p.name, err)
	}
	if got != layer.Digest.String() {
		return &MismatchError{
			Name: p.name, Package: p.label(), Place: place, Expected: layer.Digest.String(), Got: got,
			Authority: "the chart's manifest", Hint: adviceAltered,
		}
	}
	return checkChart(p.name, archive)
}

func (p *registryPin) layerOf(manifestFile string) (v1.Descriptor, error) {
	file, err := openBounded(manifestFile, maxRecord)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("source %s: %w", p.name, err)
	}
	return p.layer(file)
}

// layer finds the chart's archive in a manifest.
func (p *registryPin) layer(text string) (v1.Descriptor, error) {
	manifest, err := v1.ParseManifest(strings.NewReader(text))
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("source %s: %s has a manifest that cannot be read: %w", p.name, p.label(), err)
	}
	for _, layer := range manifest.Layers {
		if layer.MediaType == chartLayer {
			return layer, nil
		}
	}
	return v1.Descriptor{}, fmt.Errorf("source %s: %s is not a Helm chart: no layer has the type %s", p.name, p.label(), chartLayer)
}

func (p *registryPin) open(dir string) (fs.FS, io.Closer, error) {
	content, err := openChart(filepath.Join(dir, p.files()[0]))
	return content, io.NopCloser(nil), err
}

// tag is the version as registries write it: they have no plus sign.
func (p *registryPin) tag() string { return strings.ReplaceAll(p.source.Version, "+", "_") }

func (p *registryPin) download(ctx context.Context, dir string, report func(done, total int64)) (string, error) {
	if p.store.options.Offline {
		return "", fmt.Errorf("source %s: %w", p.name, errOffline)
	}
	repository, err := name.NewRepository(p.repository())
	if err != nil {
		return "", fmt.Errorf("source %s: oci: %w", p.name, err)
	}
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(p.store.options.Transport), remote.WithAuthFromKeychain(p.store.options.Keychain),
		// Retries are done here, where they can be watched; the library's own would sleep.
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), remote.WithRetryStatusCodes(),
	}
	manifest, err := p.manifest(ctx, repository, options)
	if err != nil {
		return "", err
	}
	layer, err := p.layer(manifest)
	if err != nil {
		return "", err
	}
	if limit := min(p.store.options.MaxBytes, maxArchive); layer.Size > limit {
		return "", fmt.Errorf("source %s: %s: %w", p.name, p.label(), &sizeError{limit})
	}
	files := p.files()
	err = p.retry(ctx, func() error {
		return writeTo(dir, files[0], func(file fileSink) error {
			return copyLayer(file, repository.Digest(layer.Digest.String()), layer.Size, report, options)
		})
	})
	if err != nil {
		return "", fmt.Errorf("source %s: fetch %s: %w", p.name, p.label(), err)
	}
	err = writeTo(dir, files[1], func(file fileSink) error {
		_, err := io.WriteString(file, manifest)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("source %s: %w", p.name, err)
	}
	return "", p.verify(dir, repository.RegistryStr())
}

// manifest asks for the pinned digest: a tag that was moved does no harm. Where the digest is gone, the tag's is told.
func (p *registryPin) manifest(ctx context.Context, repository name.Repository, options []remote.Option) (string, error) {
	var found *remote.Descriptor
	err := p.retry(ctx, func() (err error) {
		found, err = remote.Get(repository.Digest(p.source.Sum), options...)
		return err
	})
	if err == nil {
		return string(found.Manifest), nil
	}
	if status := (*transport.Error)(nil); errors.As(err, &status) && status.StatusCode == http.StatusNotFound {
		if now, tagErr := remote.Head(repository.Tag(p.tag()), options...); tagErr == nil {
			return "", p.mismatch(now.Digest.String(), repository.RegistryStr(),
				"The registry does not have the pinned digest; the tag stands for the other one now. If that is intended, write its digest as sum.")
		}
	}
	return "", fmt.Errorf("source %s: fetch %s: %w", p.name, p.label(), err)
}

func copyLayer(into io.Writer, reference name.Digest, size int64, report func(done, total int64), options []remote.Option) error {
	layer, err := remote.Layer(reference, options...)
	if err != nil {
		return err
	}
	// The reader checks the digest at its end.
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer content.Close()
	n, err := io.Copy(into, io.LimitReader(content, size+1))
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("%d bytes came instead of %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	if report != nil {
		report(n, size)
	}
	return nil
}

// retry repeats what may pass.
func (p *registryPin) retry(ctx context.Context, do func() error) error {
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == attempts || ctx.Err() != nil {
			return err
		}
		if status := (*transport.Error)(nil); errors.As(err, &status) {
			if again := (&statusError{code: status.StatusCode}); !again.temporary() {
				return err
			}
		} else if !passing(err) {
			return err
		}
		if err := p.store.transfer.wait(ctx, backoff); err != nil {
			return err
		}
		backoff *= 2
	}
}
