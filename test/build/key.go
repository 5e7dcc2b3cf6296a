package build

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// keys computes the keys of programs, and reads the sums of each module once.
type keys struct {
	folder string
	sums   map[string]string
}

func newKeys(folder string) *keys { return &keys{folder: folder, sums: map[string]string{}} }

// of answers the key of a program: the first 12 digits of a hash over everything that decides what it becomes.
func (k *keys) of(b Binary) (string, error) {
	hash := sha256.New()
	module := filepath.Join(k.folder, filepath.FromSlash(b.Folder))
	pins, ok := k.sums[module]
	if !ok {
		var err error
		if pins, err = hashFiles(module, "go.mod", "go.sum"); err != nil {
			return "", fmt.Errorf("computing the key of %s: %w", b.Name, err)
		}
		k.sums[module] = pins
	}
	fmt.Fprintf(hash, "%s %s/%s\n%q\n%q\n%q\n%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		append([]string{b.Name, b.Package, b.Version}, b.Links...), flags(b), environment(b), pins)
	for _, source := range b.Sources {
		sum, err := hashSources(filepath.Join(module, filepath.FromSlash(source)))
		if err != nil {
			return "", fmt.Errorf("computing the key of %s: %w", b.Name, err)
		}
		fmt.Fprintln(hash, source, sum)
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}

func hashFiles(folder string, names ...string) (string, error) {
	hash := sha256.New()
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil && (name != "go.sum" || !os.IsNotExist(err)) {
			return "", err
		}
		fmt.Fprintln(hash, name, len(data))
		hash.Write(data)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// hashSources hashes the files below a folder that a build reads: all but tests and hidden ones.
func hashSources(folder string) (string, error) {
	hash := sha256.New()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".")) {
			return filepath.SkipDir
		}
		if !entry.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(path) //nolint:gosec // nobody races to change a developer's own checkout
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		fmt.Fprintln(hash, filepath.ToSlash(name), len(data))
		hash.Write(data)
		return nil
	})
	return hex.EncodeToString(hash.Sum(nil)), err
}
