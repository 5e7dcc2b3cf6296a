package chart

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/ignore"
)

// maxChart bounds a chart's files together.
const maxChart = 64 << 20

// fileCache keeps the files of charts. They are only read after they were loaded.
type fileCache struct {
	mu     sync.Mutex
	charts map[string]func() ([]*loader.BufferedFile, error)
}

// load reads a chart's files, at most once for a sum and path.
func (c *fileCache) load(request Request) ([]*loader.BufferedFile, error) {
	if request.Sum == "" {
		return readFiles(request.FS, request.Path)
	}
	key := request.Sum + " " + request.Path
	c.mu.Lock()
	read, found := c.charts[key]
	if !found {
		read = sync.OnceValues(func() ([]*loader.BufferedFile, error) { return readFiles(request.FS, request.Path) })
		if c.charts == nil {
			c.charts = map[string]func() ([]*loader.BufferedFile, error){}
		}
		c.charts[key] = read
	}
	c.mu.Unlock()
	return read()
}

// readFiles reads a chart's folder as Helm does, without what its .helmignore names.
func readFiles(content fs.FS, folder string) ([]*loader.BufferedFile, error) {
	folder = path.Clean(folder)
	if !fs.ValidPath(folder) {
		return nil, fmt.Errorf("%q is not a path inside the source", folder)
	}
	root, err := fs.Sub(content, folder)
	if err != nil {
		return nil, err
	}
	if _, err := fs.Stat(root, "Chart.yaml"); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no Chart.yaml in this folder of the source; correct chart.path in component.yaml")
	}
	rules, err := ignoreRules(root)
	if err != nil {
		return nil, err
	}
	var files []*loader.BufferedFile
	left := int64(maxChart)
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if rules.Ignore(name, info) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		if left -= info.Size(); left < 0 {
			return fmt.Errorf("its files are larger than %d bytes together", int64(maxChart))
		}
		data, err := fs.ReadFile(root, name)
		files = append(files, &loader.BufferedFile{Name: name, Data: data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	return files, nil
}

func ignoreRules(root fs.FS) (*ignore.Rules, error) {
	text, err := fs.ReadFile(root, ignore.HelmIgnore)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	rules, err := ignore.Parse(strings.NewReader(string(text)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ignore.HelmIgnore, err)
	}
	rules.AddDefaults()
	return rules, nil
}
