package source

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// Bounds on chart archives. Real charts are far below them; a bomb is far above.
const (
	maxArchive  = 32 << 20
	maxInflated = 64 << 20
	maxFiles    = 20_000
)

// openChart gives a chart archive's files, rooted at the chart's own folder. The archive is read at the first access.
func openChart(path string) (fs.FS, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return &lazy{load: sync.OnceValues(func() (fs.FS, error) { return inflate(path) })}, nil
}

// lazy is a file system that is made when it is first used.
type lazy struct {
	load func() (fs.FS, error)
}

// Open implements fs.FS.
func (l *lazy) Open(name string) (fs.File, error) {
	content, err := l.load()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return content.Open(name)
}

// inflate reads a gzipped tar into memory. The result is an uncompressed zip, whose reader is a complete file system.
func inflate(path string) (fs.FS, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("not gzip: %w", err)
	}
	budget := &budget{reader: unzipped, left: maxInflated}
	archive := tar.NewReader(budget)
	var buffer bytes.Buffer
	writer := zip.NewWriter(&buffer)
	seen := map[string]bool{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the archive: %w", err)
		}
		if err := copyEntry(writer, archive, header, seen); err != nil {
			return nil, err
		}
	}
	if len(seen) == 0 {
		return nil, errors.New("it has no files")
	}
	if err := writer.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(buffer.Bytes()), int64(buffer.Len()))
}

// copyEntry takes one regular file over, without the chart's folder, which comes first in every name.
func copyEntry(writer *zip.Writer, archive *tar.Reader, header *tar.Header, seen map[string]bool) error {
	switch header.Typeflag {
	case tar.TypeReg:
	case tar.TypeDir, tar.TypeXGlobalHeader:
		return nil
	default:
		return fmt.Errorf("%q is neither a file nor a folder; links are refused", header.Name)
	}
	name := strings.TrimPrefix(header.Name, "./")
	if !fs.ValidPath(name) || strings.ContainsAny(name, "\\:") {
		return fmt.Errorf("%q is not a path inside the archive", header.Name)
	}
	_, inside, found := strings.Cut(name, "/")
	if !found {
		return fmt.Errorf("%q is not inside the chart's folder", header.Name)
	}
	if seen[inside] {
		return fmt.Errorf("%q is there twice", header.Name)
	}
	seen[inside] = true
	if len(seen) > maxFiles {
		return fmt.Errorf("more than %d files", maxFiles)
	}
	entry, err := writer.CreateHeader(&zip.FileHeader{Name: inside, Method: zip.Store})
	if err != nil {
		return err
	}
	if _, err := io.Copy(entry, archive); err != nil {
		return fmt.Errorf("read %q: %w", header.Name, err)
	}
	return nil
}

// budget stops an archive that inflates without end.
type budget struct {
	reader io.Reader
	left   int64
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("it inflates to more than %d bytes", int64(maxInflated))
	}
	n, err := b.reader.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
