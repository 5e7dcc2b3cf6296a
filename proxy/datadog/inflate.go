package datadog

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// windowBytes bounds the memory that one zstd stream may ask for. Agents' own windows are smaller; the format would
// let a sender ask for gigabytes with a few bytes.
const windowBytes = 8 << 20

var (
	errTooLarge = errors.New("the payload is larger than this tenant may send")
	errEncoding = errors.New("the Content-Encoding is none of deflate, gzip, zstd and identity")
)

// wire remembers why reading from the agent failed, which decoders otherwise mix with their own errors.
type wire struct {
	reader io.Reader
	err    error
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// bounded ends with errTooLarge instead of the byte after the last allowed one. The threat is a small body that
// inflates to gigabytes.
type bounded struct {
	reader io.Reader
	left   int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.left <= 0 {
		var one [1]byte
		if n, err := b.reader.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, errTooLarge
	}
	n, err := b.reader.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// inflaters are decompressors in reserve; each holds tens of kilobytes that are costly to make.
type inflaters struct {
	gzip, zlib, zstd sync.Pool
}

// open makes a reader of the inflated body, at most limit bytes. done gives the decompressor back.
func (i *inflaters) open(r *http.Request, w *wire, limit int64) (reader io.Reader, done func(), err error) {
	done = func() {}
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
		reader = w
	case "gzip", "x-gzip":
		reader, done, err = i.openGzip(w)
	case "deflate":
		reader, done, err = i.openZlib(w)
	case "zstd", "zstd1":
		reader, done, err = i.openZstd(w)
	default:
		err = errEncoding
	}
	if err != nil {
		return nil, done, fmt.Errorf("open the compressed body: %w", err)
	}
	return &bounded{reader: reader, left: limit}, done, nil
}

func (i *inflaters) openGzip(w io.Reader) (io.Reader, func(), error) {
	reader, ok := i.gzip.Get().(*gzip.Reader)
	if !ok {
		reader = new(gzip.Reader)
	}
	return reader, func() { i.gzip.Put(reader) }, reader.Reset(w)
}

func (i *inflaters) openZlib(w io.Reader) (io.Reader, func(), error) {
	if reader, ok := i.zlib.Get().(io.Reader); ok {
		if again, ok := reader.(zlib.Resetter); ok {
			return reader, func() { i.zlib.Put(reader) }, again.Reset(w, nil)
		}
	}
	reader, err := zlib.NewReader(w)
	if err != nil {
		return nil, func() {}, err
	}
	return reader, func() { i.zlib.Put(reader) }, nil
}

func (i *inflaters) openZstd(w io.Reader) (io.Reader, func(), error) {
	if reader, ok := i.zstd.Get().(*zstd.Decoder); ok {
		return reader, func() { i.zstd.Put(reader) }, reader.Reset(w)
	}
	// One goroutine less, and no more than a window of memory.
	reader, err := zstd.NewReader(w, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(windowBytes))
	if err != nil {
		return nil, func() {}, err
	}
	return reader, func() { i.zstd.Put(reader) }, nil
}
