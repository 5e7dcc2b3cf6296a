package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// temporary begins the names of unfinished files and folders.
const temporary = ".unfinished-"

// replaceFile writes a file as a whole or not at all.
func replaceFile(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), temporary)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return finish(file, path, err)
}

// copyFile copies a file as a whole or not at all.
func copyFile(from, to string) error {
	reader, err := os.Open(from)
	if err != nil {
		return err
	}
	defer reader.Close()
	file, err := os.CreateTemp(filepath.Dir(to), temporary)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, reader)
	return finish(file, to, err)
}

// finish gives a temporary file its name, or removes it after an error.
func finish(file *os.File, path string, err error) error {
	const readable = 0o644
	err = errors.Join(err, file.Chmod(readable), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// sweep removes what killed runs left, once it is old enough to belong to nobody.
func sweep(dir string, now time.Time) {
	const old = 24 * time.Hour
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasPrefix(entry.Name(), temporary) && now.Sub(info.ModTime()) > old {
			_ = os.RemoveAll(filepath.Join(dir, entry.Name()))
		}
	}
}

// exist says whether all files are there.
func exist(dir string, files []string) bool {
	for _, file := range files {
		if info, err := os.Stat(filepath.Join(dir, file)); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	return true
}

// openBounded reads a small file.
func openBounded(path string, limit int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = &sizeError{limit}
	}
	return string(text), err
}

// seal is what is remembered of verified files: as long as size and time of change are the same, they are not hashed
// again. Hashing a module takes some 80 ms, looking at the seal a twentieth of one. Bits that rot without a change of
// time are caught by the zip's own checksums while reading.
func (s *Store) seal(p pin, sum, dir string) (file, text string, err error) {
	var b strings.Builder
	b.WriteString(sum + "\n")
	for _, name := range p.files() {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			return "", "", err
		}
		fmt.Fprintf(&b, "%d %d %s\n", info.Size(), info.ModTime().UnixNano(), name)
	}
	place, err := filepath.Abs(dir)
	if err != nil {
		return "", "", err
	}
	return filepath.Join(s.options.CacheDir, "verified", fileName(p.files()[0], "", place)), b.String(), nil
}

func (s *Store) sealed(p pin, sum, dir string) bool {
	file, text, err := s.seal(p, sum, dir)
	if err != nil {
		return false
	}
	known, err := os.ReadFile(file)
	return err == nil && string(known) == text
}

// setSeal is allowed to fail: the next run hashes again.
func (s *Store) setSeal(p pin, sum, dir string) {
	if file, text, err := s.seal(p, sum, dir); err == nil {
		_ = replaceFile(file, []byte(text))
	}
}

func (s *Store) breakSeal(p pin, sum, dir string) {
	if file, _, err := s.seal(p, sum, dir); err == nil {
		_ = os.Remove(file)
	}
}

// guarded notices damage while reading, so that the next run hashes the files anew and fetches them if need be.
type guarded struct {
	fs.FS
	damaged func() error
}

// Open implements fs.FS.
func (g *guarded) Open(name string) (fs.File, error) {
	file, err := g.FS.Open(name)
	if err != nil {
		return nil, err
	}
	if _, isDir := file.(fs.ReadDirFile); isDir {
		return file, nil
	}
	return &guardedFile{File: file, damaged: g.damaged}, nil
}

type guardedFile struct {
	fs.File
	damaged func() error
}

// Read implements fs.File.
func (g *guardedFile) Read(p []byte) (int, error) {
	n, err := g.File.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errors.Join(g.damaged(), err)
	}
	return n, err
}
