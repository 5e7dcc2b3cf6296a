package server

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/opsgen/opsgen/proxy/certificate"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

// Names of what is read from files, as in messages and in the label "file" of the metric config_loaded.
const (
	fileConfig      = config.FileName
	fileTenants     = config.TenantsFileName
	fileKeys        = token.KeysFileName
	fileRevocations = token.RevocationsFileName
	filePublic      = "certificates/public"
	fileInternal    = "certificates/internal"
	fileSigning     = "signing-key"
)

// files is everything that was read, each in its newest version that was good. A copy is cheap: nothing in it changes.
type files struct {
	config           config.Config
	tenants          config.Tenants
	keys             *token.KeySet
	revocations      *token.Revocations
	public, internal *certificate.Set
	// hashes are of the newest versions, good or not, by name: what has not changed is not looked at again.
	hashes map[string][sha256.Size]byte
}

// refusal is a file whose newest version cannot be used.
type refusal struct {
	file string
	err  error
}

// part is one thing that is read: its name, its content, and how it is taken over.
type part struct {
	name   string
	read   func() ([]byte, error)
	accept func(data []byte) error
}

// read reads everything again. It answers what is in use from now on, which parts changed and are good, and which changed
// and are refused: for those the version before stays.
func (f files) read(configFile string, now time.Time) (next files, accepted []string, refused []refusal) {
	hashes := make(map[string][sha256.Size]byte, len(f.hashes))
	next = f
	next.hashes = hashes
	// proxy.yaml first: it names the others.
	for _, list := range []func(*files) []part{
		func(n *files) []part { return []part{n.configPart(configFile)} },
		func(n *files) []part { return n.namedParts(now) },
	} {
		for _, p := range list(&next) {
			data, err := p.read()
			hash := fingerprint(data, err)
			hashes[p.name] = hash
			if f.hashes[p.name] == hash {
				continue
			}
			if err == nil {
				err = p.accept(data)
			}
			if err != nil {
				refused = append(refused, refusal{file: p.name, err: err})
				continue
			}
			accepted = append(accepted, p.name)
		}
	}
	return next, accepted, refused
}

func fingerprint(data []byte, err error) [sha256.Size]byte {
	if err != nil {
		data = append(bytes.Clone(data), "\x00error: "+err.Error()...)
	}
	return sha256.Sum256(data)
}

func (f *files) configPart(file string) part {
	return part{fileConfig, func() ([]byte, error) { return os.ReadFile(file) }, func(data []byte) (err error) {
		parsed, err := config.Parse(data)
		if err == nil {
			f.config = parsed
		}
		return err
	}}
}

func (f *files) namedParts(now time.Time) []part {
	return []part{
		{fileTenants, tenantsFiles(f.config.TenantsFile), func(data []byte) error {
			parsed, err := config.ParseTenants(bytes.Split(data, betweenFiles)...)
			if err == nil {
				f.tenants = parsed
			}
			return err
		}},
		// A missing key set has no key: every tenant's token is refused.
		{fileKeys, optional(f.config.Tokens.KeysFile), func(data []byte) error {
			if data == nil {
				f.keys = nil
				return nil
			}
			parsed, err := token.ParseKeySet(data)
			if err == nil {
				f.keys = parsed
			}
			return err
		}},
		{fileRevocations, optional(f.config.Tokens.RevocationsFile), f.acceptRevocations},
		f.certificates(filePublic, f.config.Listeners.Public.Certificates, &f.public, now),
		f.certificates(fileInternal, f.config.Listeners.Internal.Certificates, &f.internal, now),
		// The login reads this key by itself; here it is only noticed.
		{fileSigning, pair(f.config.Grafana.SigningKey, true), func([]byte) error { return nil }},
	}
}

// betweenFiles stands between the texts of several files; no YAML has it.
var betweenFiles = []byte{0}

// tenantsFiles reads a file, or all files of a folder: a ConfigMap is too small for thousands of tenants.
func tenantsFiles(path string) func() ([]byte, error) {
	return func() ([]byte, error) {
		names, err := filepath.Glob(filepath.Join(path, "*.yaml"))
		if err != nil || len(names) == 0 {
			return os.ReadFile(path)
		}
		texts := make([][]byte, 0, len(names))
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				return nil, err
			}
			texts = append(texts, text)
		}
		return bytes.Join(texts, betweenFiles), nil
	}
}

// acceptRevocations takes a missing file for an empty list at the start only. The threat is a list that goes away while
// the proxy runs, by mistake or by intent: every revoked token would be valid again. An empty list can be written.
func (f *files) acceptRevocations(data []byte) error {
	if data == nil {
		if f.revocations != nil {
			return errors.New("the file is gone; write an empty list to revoke nothing")
		}
		return nil
	}
	parsed, err := token.ParseRevocations(data)
	if err == nil {
		f.revocations = parsed
	}
	return err
}

func (f *files) certificates(name string, folders []string, set **certificate.Set, now time.Time) part {
	read := func() ([]byte, error) {
		var all []byte
		for _, folder := range folders {
			data, err := pair(folder, false)()
			if err != nil {
				return nil, err
			}
			all = append(all, data...)
		}
		return all, nil
	}
	return part{name, read, func([]byte) error {
		loaded, err := certificate.Load(folders, now)
		if err == nil {
			*set = loaded
		}
		return err
	}}
}

// optional reads a file that may be missing: then the content is nil.
func optional(path string) func() ([]byte, error) {
	return func() ([]byte, error) {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err == nil && data == nil {
			data = []byte{}
		}
		return data, err
	}
}

// pair reads the certificate and key of a folder, to notice a change.
func pair(folder string, mayMiss bool) func() ([]byte, error) {
	return func() ([]byte, error) {
		all := []byte(folder + "\x00")
		for _, name := range []string{certificate.ChainFile, certificate.KeyFile} {
			data, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil && (!mayMiss || !errors.Is(err, fs.ErrNotExist)) {
				return nil, fmt.Errorf("reading a certificate: %w", err)
			}
			all = append(append(all, data...), 0)
		}
		return all, nil
	}
}

// paths are what must be watched.
func (f *files) paths(configFile string) []string {
	c := f.config
	paths := []string{configFile, c.TenantsFile, c.Tokens.KeysFile, c.Tokens.RevocationsFile, c.Grafana.SigningKey}
	paths = append(paths, c.Listeners.Public.Certificates...)
	return append(paths, c.Listeners.Internal.Certificates...)
}
