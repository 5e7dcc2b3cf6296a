package proxytest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// data is the link that the kubelet exchanges in a mounted ConfigMap or Secret.
const data = "..data"

// swap changes a file as the kubelet does: a new folder with everything in it, a link to it that replaces the one before
// in one step, and the folder before removed. What the files' own names are links to never changes.
func (p *Proxy) swap(t testing.TB, name string, content []byte) {
	t.Helper()
	before, err := os.Readlink(filepath.Join(p.Folder, data))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(p.Folder, "..")
	must(t, err)
	if before != "" {
		must(t, os.CopyFS(fresh, os.DirFS(filepath.Join(p.Folder, before))))
		must(t, os.RemoveAll(filepath.Join(fresh, name)))
	}
	must(t, os.WriteFile(filepath.Join(fresh, name), content, 0o600))
	must(t, os.Symlink(filepath.Base(fresh), filepath.Join(p.Folder, "..data_tmp")))
	must(t, os.Rename(filepath.Join(p.Folder, "..data_tmp"), filepath.Join(p.Folder, data)))
	if before == "" {
		must(t, os.RemoveAll(filepath.Join(p.Folder, name)))
	} else {
		must(t, os.RemoveAll(filepath.Join(p.Folder, before)))
	}
	link := filepath.Join(p.Folder, name)
	if _, err := os.Lstat(link); errors.Is(err, fs.ErrNotExist) {
		must(t, os.Symlink(filepath.Join(data, name), link))
	}
}
