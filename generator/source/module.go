package source

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"

	"github.com/opsgen/opsgen/generator/bundle"
)

// modulePin is a Go module's zip.
type modulePin struct {
	name   string
	source bundle.Source
	store  *Store
}

func (p *modulePin) label() string { return p.source.Module + " " + p.source.Version }

func (p *modulePin) files() []string {
	return []string{fileName(p.source.Module, p.source.Version, p.source.Sum) + ".zip"}
}

func (p *modulePin) version() module.Version {
	return module.Version{Path: p.source.Module, Version: p.source.Version}
}

// sum checks the zip's form first: its declared sizes bound what hashing inflates, and names that leave the module's
// folder are refused.
func (p *modulePin) sum(file string) (string, error) {
	checked, err := modzip.CheckZip(p.version(), file)
	if err == nil {
		err = checked.Err()
	}
	if err != nil {
		return "", fmt.Errorf("source %s: %s is not a sound module zip: %w", p.name, p.label(), err)
	}
	sum, err := dirhash.HashZip(file, dirhash.Hash1)
	if err != nil {
		return "", fmt.Errorf("source %s: hash %s: %w", p.name, p.label(), err)
	}
	return sum, nil
}

func (p *modulePin) verify(dir, place string) error {
	got, err := p.sum(filepath.Join(dir, p.files()[0]))
	if err != nil {
		return err
	}
	if got != p.source.Sum {
		return p.mismatch(got, place)
	}
	return nil
}

func (p *modulePin) mismatch(got, place string) *MismatchError {
	return &MismatchError{
		Name: p.name, Package: p.label(), Place: place, Expected: p.source.Sum, Got: got, Authority: "versions.yaml",
		Hint: "If the version was changed on purpose, write its sum as the checksum database or the publisher gives it; otherwise do not go on: the package was altered.",
	}
}

func (p *modulePin) open(dir string) (fs.FS, io.Closer, error) {
	reader, err := zip.OpenReader(filepath.Join(dir, p.files()[0]))
	if err != nil {
		return nil, nil, err
	}
	root, err := fs.Sub(reader, p.source.Module+"@"+p.source.Version)
	if err != nil {
		return nil, nil, errors.Join(err, reader.Close())
	}
	return root, reader, nil
}

func (p *modulePin) download(ctx context.Context, dir string, report func(done, total int64)) (string, error) {
	known, err := readSettings(p.store.options.Environment)
	if err != nil {
		return "", fmt.Errorf("source %s: %w", p.name, err)
	}
	if known.withoutProxy(p.source.Module) {
		return "", fmt.Errorf("source %s: %s matches GONOPROXY or GOPRIVATE, for which Go asks version control directly; opsgen reads modules through proxies only. %s",
			p.name, p.source.Module, adviceProxy)
	}
	place, err := p.fromProxies(ctx, dir, known.proxies, report)
	if err != nil {
		return "", err
	}
	got, err := p.sum(filepath.Join(dir, p.files()[0]))
	if err != nil {
		return "", err
	}
	recorded, note, err := p.recorded(ctx, known)
	if err != nil {
		return "", err
	}
	if got != p.source.Sum {
		mismatch := p.mismatch(got, place)
		if recorded == got {
			mismatch.Hint = "The checksum database has the sum that was got, so the one in versions.yaml belongs to another version: correct it."
		}
		return "", mismatch
	}
	if recorded != "" && recorded != got {
		return "", &MismatchError{
			Name: p.name, Package: p.label(), Place: place, Expected: recorded, Got: got, Authority: "the checksum database",
			Hint: "versions.yaml and the proxy agree with each other, but not with what everybody else gets. Do not go on before you know why.",
		}
	}
	return note, nil
}

// recorded is the checksum database's sum; empty, with a note, where the database is not to be asked or not reached.
func (p *modulePin) recorded(ctx context.Context, known settings) (sum, note string, err error) {
	if known.withoutSum(p.source.Module) {
		return "", "", nil
	}
	d := database{store: p.store, settings: known}
	sum, err = d.lookup(ctx, p.version())
	if unreachable := (*unreachableError)(nil); errors.As(err, &unreachable) {
		return "", fmt.Sprintf("%v; the sum in versions.yaml decided alone", unreachable), nil
	}
	if err != nil {
		return "", "", fmt.Errorf("source %s: %w", p.name, err)
	}
	return sum, "", nil
}

const adviceProxy = "Set GOPROXY to a proxy that has the module, or fetch it elsewhere with opsgen vendor."

// fromProxies asks one proxy after the other, by the go command's rules, and says which one answered.
func (p *modulePin) fromProxies(ctx context.Context, dir string, proxies []endpoint, report func(done, total int64)) (string, error) {
	escapedPath, err := module.EscapePath(p.source.Module)
	if err != nil {
		return "", fmt.Errorf("source %s: %w", p.name, err)
	}
	escapedVersion, err := module.EscapeVersion(p.source.Version)
	if err != nil {
		return "", fmt.Errorf("source %s: %w", p.name, err)
	}
	var failures []string
	fail := func(reason string) error {
		failures = append(failures, reason)
		return fmt.Errorf("source %s: %s cannot be fetched: %s", p.name, p.label(), strings.Join(failures, "; "))
	}
	for i, proxy := range proxies {
		switch proxy.word {
		case "off":
			return "", fail("GOPROXY says off. " + adviceProxy)
		case "direct":
			return "", fail("GOPROXY goes on with direct, but opsgen reads modules through proxies only. " + adviceProxy)
		}
		address := below(proxy.url, escapedPath, "@v", escapedVersion+".zip")
		err := writeTo(dir, p.files()[0], func(file fileSink) error {
			return p.store.transfer.get(ctx, address, file, p.store.options.MaxBytes, report)
		})
		if err == nil {
			return shown(proxy.url), nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		goOn := errors.Is(err, fs.ErrNotExist) || proxy.onAnyError
		reason := shown(proxy.url) + ": " + describe(err)
		if !goOn || i == len(proxies)-1 {
			return "", fail(reason)
		}
		failures = append(failures, reason)
	}
	return "", fail("GOPROXY names no proxy")
}

// describe keeps folders of this machine out of messages.
func describe(err error) string {
	if inFile := (*fs.PathError)(nil); errors.As(err, &inFile) {
		return inFile.Err.Error()
	}
	return err.Error()
}

// below is an address under a base, whose user and query stay.
func below(base *url.URL, elements ...string) *url.URL {
	address := *base
	address.Path = path.Join(append([]string{address.Path, "/"}, elements...)...)
	address.RawPath = ""
	return &address
}
