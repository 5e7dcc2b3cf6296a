package jsonnet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	gojsonnet "github.com/google/go-jsonnet"
)

// importer reads imports below the repository's root and nowhere else: a pull request's Jsonnet is evaluated by
// machines that hold credentials, so it must not be able to read their files.
type importer struct {
	root  string
	files map[string]gojsonnet.Contents
}

// Import resolves a path against the importing file's folder.
func (i *importer) Import(importedFrom, importedPath string) (gojsonnet.Contents, string, error) {
	name := importedPath
	if !filepath.IsAbs(importedPath) {
		name = path.Join(path.Dir(importedFrom), importedPath)
	}
	if filepath.IsAbs(name) || name == ".." || strings.HasPrefix(name, "../") {
		return gojsonnet.Contents{}, "", fmt.Errorf("import %q leaves the repository", importedPath)
	}
	if contents, ok := i.files[name]; ok {
		return contents, name, nil
	}
	data, err := i.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return gojsonnet.Contents{}, "", fmt.Errorf("there is no file %s to import", name)
	}
	if err != nil {
		return gojsonnet.Contents{}, "", fmt.Errorf("import %q: %w", importedPath, err)
	}
	i.files[name] = gojsonnet.MakeContentsRaw(data)
	return i.files[name], name, nil
}

// read follows links inside the repository only.
func (i *importer) read(name string) ([]byte, error) {
	root, err := os.OpenRoot(i.root)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it was only read
	return root.ReadFile(filepath.FromSlash(name))
}
