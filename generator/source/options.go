package source

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Options configure a Store. The zero value is what a user on a workstation needs.
type Options struct {
	// CacheDir keeps what was fetched; empty means "opsgen/sources" in the user's cache folder.
	CacheDir string
	// VendorDir is looked into first; empty means none. See Store.Vendor.
	VendorDir string
	// Offline refuses every network access.
	Offline bool
	// Progress is told what happens to each source; it may be called by several goroutines. May be nil.
	Progress func(Event)
	// Environment answers for GOPROXY, GONOSUMDB and so on; nil asks the process's environment and the file that
	// `go env -w` writes.
	Environment func(key string) string
	// Client makes HTTP requests to module proxies and for chart archives; nil means one with sensible limits.
	Client *http.Client
	// Transport and Keychain serve registries; nil means Go's default transport and Docker's credentials.
	Transport http.RoundTripper
	Keychain  authn.Keychain
	// MaxBytes bounds one download; 0 means 256 MiB.
	MaxBytes int64
	// Stall is how long a transfer may stand still; 0 means 30 s.
	Stall time.Duration
	// Wait pauses between retries; nil means real time.
	Wait func(ctx context.Context, d time.Duration) error
}

// State says what happens to a source.
type State string

// The states of a source.
const (
	// Fetching is reported at the start of a download and while it goes on.
	Fetching State = "fetching"
	// Verified follows a download whose sum is right.
	Verified State = "verified"
	// Cached means that nothing had to be downloaded: the source was in the cache or the vendor folder.
	Cached State = "cached"
	// Failed ends a source that cannot be used; the error says why.
	Failed State = "failed"
)

// Event is one step of a source's way from a server to the cache.
type Event struct {
	// Name is the source's name in versions.yaml, Version its version there.
	Name, Version string
	// Bytes were transferred so far of Total; Total is 0 where the server does not say.
	Bytes, Total int64
	State        State
	// Note is a sentence that the user should read, such as that the checksum database was not reached; mostly empty.
	Note string
}

const (
	defaultMaxBytes = 256 << 20
	defaultStall    = 30 * time.Second
)

func (o Options) withDefaults() Options {
	if o.CacheDir == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			o.CacheDir = filepath.Join(dir, "opsgen", "sources")
		}
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	if o.Environment == nil {
		o.Environment = goEnvironment()
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	if o.Keychain == nil {
		o.Keychain = authn.DefaultKeychain
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Stall == 0 {
		o.Stall = defaultStall
	}
	if o.Wait == nil {
		o.Wait = wait
	}
	return o
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
