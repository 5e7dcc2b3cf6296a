package jsonnet

import (
	"fmt"
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
	file := filepath.Join(i.root, filepath.FromSlash(name))
	if err := i.inside(file); err != nil {
		return gojsonnet.Contents{}, "", fmt.Errorf("import %q: %w", importedPath, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return gojsonnet.Contents{}, "", fmt.Errorf("there is no file %s to import", name)
	}
	i.files[name] = gojsonnet.MakeContentsRaw(data)
	return i.files[name], name, nil
}

// inside follows symbolic links, which could lead out of the repository as well.
func (i *importer) inside(file string) error {
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		return nil // it is reported as missing
	}
	root, err := filepath.EvalSymlinks(i.root)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(root, real); err != nil || strings.HasPrefix(rel, "..") {
		return fmt.Errorf("the link leaves the repository")
	}
	return nil
}
