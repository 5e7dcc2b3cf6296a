package diff

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Tree is one cluster's rendered files in one state of the repository.
type Tree struct {
	// Sums identify the files' contents by path below rendered/. The sums of the two trees of a comparison are of the
	// same kind.
	Sums map[string]string
	// Read gives the contents of files.
	Read func(files []string) (map[string][]byte, error)

	items map[string]*item // what was read so far
}

// load reads files into the tree, each once.
func (t *Tree) load(files []string) error {
	if t.items == nil {
		t.items = map[string]*item{}
	}
	missing := slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		_, there := t.items[file]
		return there || t.Sums[file] == "" || !isObject(file)
	})
	if len(missing) == 0 {
		return nil
	}
	texts, err := t.Read(missing)
	if err != nil {
		return err
	}
	for _, file := range missing {
		text, ok := texts[file]
		if !ok {
			return fmt.Errorf("read %s: it is not there any more", file)
		}
		if t.items[file], err = readItem(file, text); err != nil {
			return err
		}
	}
	return nil
}

// isObject says that a file may hold an object: not an index, and not what a folder is built from.
func isObject(file string) bool {
	name := path.Base(file)
	return strings.HasSuffix(name, ".yaml") && name != "kustomization.yaml"
}

// find loads the files that match, and gives their objects in the order of their paths.
func (t *Tree) find(match func(file string) bool) ([]*item, error) {
	var files []string
	for file := range t.Sums {
		if isObject(file) && match(file) {
			files = append(files, file)
		}
	}
	slices.Sort(files) // few of tens of thousands
	if err := t.load(files); err != nil {
		return nil, err
	}
	var items []*item
	for _, file := range files {
		if i := t.items[file]; i != nil {
			items = append(items, i)
		}
	}
	return items, nil
}

// differing are the files that are in one tree only, or not the same in both.
func differing(a, b *Tree) []string {
	var files []string
	for file, sum := range a.Sums {
		if b.Sums[file] != sum {
			files = append(files, file)
		}
	}
	for file := range b.Sums {
		if a.Sums[file] == "" {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return files
}
