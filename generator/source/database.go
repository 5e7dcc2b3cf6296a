package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"
)

// database asks the Go checksum database, through the module proxies where they offer it, as the go command does. What
// it said before is kept in the cache, so that a database that tells different people different things is noticed.
type database struct {
	store    *Store
	settings settings
}

// knownKey completes a database that is named without its key. Another name must be a key itself.
func knownKey(name string) (key string, direct string) {
	const key0 = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
	switch name {
	case "sum.golang.org":
		return key0, ""
	case "sum.golang.google.cn":
		return key0, "https://sum.golang.google.cn"
	default:
		return name, ""
	}
}

// unreachableError says that the database gave no answer, which is not a verdict on the module.
type unreachableError struct {
	name   string
	reason string
}

func (e *unreachableError) Error() string {
	return fmt.Sprintf("the checksum database %s gave no answer (%s)", e.name, e.reason)
}

// lookup returns the recorded h1 sum of a module's zip.
func (d database) lookup(ctx context.Context, m module.Version) (string, error) {
	fields := strings.Fields(d.settings.sumDatabase)
	if len(fields) == 0 || len(fields) > 2 {
		return "", errors.New(`GOSUMDB must be "off", a name, or a key and an address`)
	}
	key, direct := knownKey(fields[0])
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", fmt.Errorf("GOSUMDB: %w", err)
	}
	if len(fields) == 2 {
		direct = fields[1]
	} else if direct == "" {
		direct = "https://" + verifier.Name()
	}
	base, err := d.base(ctx, verifier.Name(), direct)
	if err != nil {
		return "", err
	}
	ops := &operations{ctx: ctx, transfer: d.store.transfer, base: base, key: key, dir: filepath.Join(d.store.options.CacheDir, "sumdb")}
	lines, err := sumdb.NewClient(ops).Lookup(m.Path, m.Version)
	if err != nil {
		return "", ops.judge(verifier.Name(), err)
	}
	prefix := m.Path + " " + m.Version + " "
	for _, line := range lines {
		if sum, ok := strings.CutPrefix(line, prefix); ok && strings.HasPrefix(sum, "h1:") {
			return sum, nil
		}
	}
	return "", &unreachableError{verifier.Name(), "it has no sum of the zip"}
}

// base is the first proxy that offers the database, or the database itself.
func (d database) base(ctx context.Context, name, direct string) (*url.URL, error) {
	for _, proxy := range d.settings.proxies {
		if proxy.url == nil {
			break
		}
		base := below(proxy.url, "sumdb", name)
		err := d.store.transfer.get(ctx, below(base, "supported"), &memorySink{}, maxRecord, nil)
		if err == nil {
			return base, nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !proxy.onAnyError {
			return nil, &unreachableError{name, describe(err)}
		}
	}
	base, err := url.Parse(direct)
	if err != nil {
		return nil, errors.New("GOSUMDB: the address cannot be read")
	}
	return base, nil
}

// maxRecord bounds an answer of the database; tiles are 8 KiB.
const maxRecord = 1 << 20

// operations is what sumdb.Client needs from the world. The context lives as long as one lookup.
type operations struct {
	ctx      context.Context
	transfer *transfer
	base     *url.URL
	key      string
	dir      string

	mu       sync.Mutex
	security string
	remote   error
}

// judge tells a database that lies from one that is silent.
func (o *operations) judge(name string, err error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.security != "":
		return fmt.Errorf("the checksum database %s misbehaves; do not go on:\n%s", name, o.security)
	case o.remote != nil:
		return &unreachableError{name, describe(o.remote)}
	default:
		return fmt.Errorf("the checksum database %s: %w", name, err)
	}
}

// ReadRemote implements sumdb.ClientOps.
func (o *operations) ReadRemote(path string) ([]byte, error) {
	var text memorySink
	if err := o.transfer.get(o.ctx, below(o.base, path), &text, maxRecord, nil); err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.remote = err
		return nil, err
	}
	return []byte(text.String()), nil
}

// ReadConfig implements sumdb.ClientOps. A database that was never asked starts with an empty tree.
func (o *operations) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(o.key), nil
	}
	data, err := os.ReadFile(o.path(file))
	if errors.Is(err, fs.ErrNotExist) {
		return []byte{}, nil
	}
	return data, err
}

// WriteConfig implements sumdb.ClientOps. Two processes may write at the same moment; the one tree that is lost then is
// older or newer than the other, and both were proved consistent with the one before.
func (o *operations) WriteConfig(file string, old, data []byte) error {
	current, err := o.ReadConfig(file)
	if err != nil {
		return err
	}
	if !bytes.Equal(current, old) {
		return sumdb.ErrWriteConflict
	}
	return replaceFile(o.path(file), data)
}

// ReadCache implements sumdb.ClientOps.
func (o *operations) ReadCache(file string) ([]byte, error) { return os.ReadFile(o.path(file)) }

// WriteCache implements sumdb.ClientOps. A cache that cannot be written is only slower.
func (o *operations) WriteCache(file string, data []byte) { _ = replaceFile(o.path(file), data) }

// Log implements sumdb.ClientOps.
func (o *operations) Log(string) {}

// SecurityError implements sumdb.ClientOps.
func (o *operations) SecurityError(message string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.security = message
}

// path keeps file names, which hold module paths, usable on every system.
func (o *operations) path(file string) string {
	return filepath.Join(o.dir, filepath.FromSlash(strings.ReplaceAll(file, ":", "_")))
}
