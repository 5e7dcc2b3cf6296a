package source

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path/filepath"

	"github.com/opsgen/opsgen/generator/bundle"
)

// archivePin is a chart archive over HTTPS.
type archivePin struct {
	name   string
	source bundle.Source
	store  *Store
}

func (p *archivePin) label() string {
	address, err := url.Parse(p.source.URL)
	if err != nil {
		return p.source.Version
	}
	return shown(address)
}

func (p *archivePin) files() []string {
	return []string{fileName(p.place(), p.source.Version, p.source.Sum) + ".tgz"}
}

// place is host and path; a query may be secret.
func (p *archivePin) place() string {
	address, err := url.Parse(p.source.URL)
	if err != nil {
		return p.name
	}
	return address.Host + address.Path
}

func (p *archivePin) verify(dir, place string) error {
	path := filepath.Join(dir, p.files()[0])
	got, err := digestOf(path)
	if err != nil {
		return fmt.Errorf("source %s: %w", p.name, err)
	}
	if got != p.source.Sum {
		return &MismatchError{
			Name: p.name, Package: p.label(), Place: place, Expected: p.source.Sum, Got: got, Authority: "versions.yaml",
			Hint: "If the version was changed on purpose, write the sum that the publisher gives; otherwise do not go on: the archive was altered.",
		}
	}
	return checkChart(p.name, path)
}

func (p *archivePin) download(ctx context.Context, dir string, report func(done, total int64)) (string, error) {
	address, err := url.Parse(p.source.URL)
	if err != nil || address.Scheme != "https" {
		return "", fmt.Errorf("source %s: url must be an https address", p.name)
	}
	limit := min(p.store.options.MaxBytes, maxArchive)
	err = writeTo(dir, p.files()[0], func(file fileSink) error {
		return p.store.transfer.get(ctx, address, file, limit, report)
	})
	if err != nil {
		return "", fmt.Errorf("source %s: fetch %s: %w", p.name, shown(address), err)
	}
	return "", p.verify(dir, address.Host)
}

func (p *archivePin) open(dir string) (fs.FS, io.Closer, error) {
	content, err := openChart(filepath.Join(dir, p.files()[0]))
	return content, io.NopCloser(nil), err
}

// checkChart reads a chart archive through once, so that a bad one is refused before it is kept.
func checkChart(name, path string) error {
	if _, err := inflate(path); err != nil {
		return fmt.Errorf("source %s: the chart archive cannot be used: %w", name, err)
	}
	return nil
}
