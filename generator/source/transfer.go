package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// transfer reads addresses: with retries, a bound on size, and an eye on transfers that stand still.
type transfer struct {
	client  *http.Client
	stall   time.Duration
	wait    func(context.Context, time.Duration) error
	offline bool
}

const (
	attempts     = 4
	firstBackoff = 500 * time.Millisecond
	longestWait  = 30 * time.Second
	maxRedirects = 10
)

var (
	errStalled = errors.New("the transfer stood still")
	errOffline = errors.New("opsgen is offline")
)

func newTransfer(o Options) *transfer {
	var client http.Client
	if o.Client != nil {
		client = *o.Client
	}
	if client.CheckRedirect == nil {
		client.CheckRedirect = checkRedirect
	}
	return &transfer{client: &client, stall: o.Stall, wait: o.Wait, offline: o.Offline}
}

// checkRedirect refuses to leave TLS: what was asked for securely must be answered securely.
func checkRedirect(request *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	if via[len(via)-1].URL.Scheme == "https" && request.URL.Scheme != "https" {
		return fmt.Errorf("redirected from TLS to %s", shown(request.URL))
	}
	return nil
}

// statusError is an answer other than 200.
type statusError struct {
	code int
	// after is the server's wish for a pause; 0 when it has none.
	after time.Duration
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the server answered %d %s", e.code, http.StatusText(e.code))
}

// Is makes "not found" the same for servers and for file proxies.
func (e *statusError) Is(target error) bool {
	return target == fs.ErrNotExist && (e.code == http.StatusNotFound || e.code == http.StatusGone)
}

func (e *statusError) temporary() bool {
	return e.code >= http.StatusInternalServerError || e.code == http.StatusTooManyRequests || e.code == http.StatusRequestTimeout
}

// sizeError is a download that is larger than allowed.
type sizeError struct{ limit int64 }

func (e *sizeError) Error() string {
	return fmt.Sprintf("more than %d bytes, the most that is read", e.limit)
}

// sink takes one download; reset is called before each attempt.
type sink interface {
	io.Writer
	reset() error
}

// get copies what is at the address into the sink, retrying passing faults. The report may be nil.
func (t *transfer) get(ctx context.Context, address *url.URL, into sink, limit int64, report func(done, total int64)) error {
	if address.Scheme == "file" {
		return t.readFile(address, into, limit)
	}
	if t.offline {
		return errOffline
	}
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		err := into.reset()
		if err == nil {
			err = t.once(ctx, address, into, limit, report)
		}
		if err == nil || attempt == attempts || ctx.Err() != nil || !passing(err) {
			return err
		}
		pause := backoff
		if status := (*statusError)(nil); errors.As(err, &status) && status.after > 0 {
			pause = min(status.after, longestWait)
		}
		if err := t.wait(ctx, pause); err != nil {
			return err
		}
		backoff *= 2
	}
}

// once makes one attempt.
func (t *transfer) once(ctx context.Context, address *url.URL, into io.Writer, limit int64, report func(done, total int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	guard := time.AfterFunc(t.stall, func() { cancel(errStalled) })
	defer guard.Stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return errors.New("the address cannot be requested")
	}
	response, err := t.client.Do(request)
	if err != nil {
		return plain(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return &statusError{code: response.StatusCode, after: time.Duration(max(seconds, 0)) * time.Second}
	}
	if response.ContentLength > limit {
		return &sizeError{limit}
	}
	body := &watched{reader: response.Body, guard: guard, stall: t.stall, total: max(response.ContentLength, 0), report: report}
	n, err := io.Copy(into, io.LimitReader(body, limit+1))
	switch {
	case err != nil:
		return plain(ctx, err)
	case n > limit:
		return &sizeError{limit}
	}
	return nil
}

// plain removes the address from an error (it may hold a password) and says when it was the stall.
func plain(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	for {
		wrapped := (*url.Error)(nil)
		if !errors.As(err, &wrapped) {
			return err
		}
		err = wrapped.Err
	}
}

// passing says whether trying again may help.
func passing(err error) bool {
	if status := (*statusError)(nil); errors.As(err, &status) {
		return status.temporary()
	}
	if errors.Is(err, errStalled) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return true
	}
	// A name that does not exist, or a certificate that is wrong, is still wrong in a second.
	if lookup := (*net.DNSError)(nil); errors.As(err, &lookup) && lookup.IsNotFound {
		return false
	}
	network := net.Error(nil)
	return errors.As(err, &network)
}

// watched resets the guard against standing still with every read, and reports how far the transfer is.
type watched struct {
	reader      io.Reader
	guard       *time.Timer
	stall       time.Duration
	done, total int64
	// next is when report is called again.
	next   int64
	report func(done, total int64)
}

// reportEvery is how many bytes lie between two reports.
const reportEvery = 128 << 10

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.reader.Read(p)
	w.guard.Reset(w.stall)
	w.done += int64(n)
	if w.report != nil && w.done >= w.next {
		w.next = w.done + reportEvery
		w.report(w.done, w.total)
	}
	return n, err
}

// readFile serves "file:" addresses: a proxy's folder on disk.
func (t *transfer) readFile(address *url.URL, into sink, limit int64) error {
	if err := into.reset(); err != nil {
		return err
	}
	path := address.Path
	if filepath.Separator == '\\' {
		path = strings.TrimPrefix(path, "/")
	}
	file, err := os.Open(filepath.FromSlash(path))
	if err != nil {
		return err
	}
	defer file.Close()
	n, err := io.Copy(into, io.LimitReader(file, limit+1))
	if err == nil && n > limit {
		err = &sizeError{limit}
	}
	return err
}

// fileSink is a download into a file.
type fileSink struct{ *os.File }

func (f fileSink) reset() error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return f.Truncate(0)
}

// memorySink is a download into memory.
type memorySink struct{ strings.Builder }

func (m *memorySink) reset() error {
	m.Reset()
	return nil
}
