package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// A Spec says what an image holds and how it starts.
type Spec struct {
	// Reference is what manifests call it: "registry/repository:tag", and "@sha256:…" after it where it is pinned.
	Reference string
	// Entrypoint is the program and its first arguments; a container's `args` follow.
	Entrypoint []string
	// Env are settings "NAME=value"; PATH is always set.
	Env []string
	// User is "UID:GID"; empty: 65532:65532. Never root: an image of the bed must not hide that a manifest forgot to
	// say who runs it.
	User string
	// Files are the regular files and links of the image.
	Files []File
	// Folders are empty folders that everybody may write to, as /tmp.
	Folders []string
}

// A File is one file of an image, from a file of this machine, from bytes, or as a link.
type File struct {
	// Path is absolute inside the image.
	Path string
	// Source is a file of this machine; links are followed. Empty: Data is the content.
	Source string
	// Data is the content when Source is empty.
	Data []byte
	// Link makes a symbolic link to this target.
	Link string
	// Mode are the permissions; 0: 0755, as most files are programs.
	Mode int64
}

const nobody = "65532:65532"

// epoch is the time of every file and image: the same inputs give the same digest, today and on another machine.
var epoch = time.Unix(0, 0).UTC()

// writeLayer writes the files as a tar archive, in the order of their paths.
func writeLayer(w io.Writer, s Spec) error {
	archive := tar.NewWriter(w)
	made := map[string]bool{"/": true}
	folder := func(name string, mode int64) error {
		for _, at := range parents(name) {
			if made[at] {
				continue
			}
			made[at] = true
			m := int64(0o755)
			if at == name {
				m = mode
			}
			header := &tar.Header{Name: strings.TrimPrefix(at, "/") + "/", Typeflag: tar.TypeDir, Mode: m, ModTime: epoch}
			if err := archive.WriteHeader(header); err != nil {
				return err
			}
		}
		return nil
	}
	folders := slices.Clone(s.Folders)
	slices.Sort(folders)
	for _, f := range folders {
		// Writable by everybody, and nobody removes another's file: who runs is the manifest's choice.
		if err := folder(path.Clean(f), 0o1777); err != nil {
			return err
		}
	}
	files := slices.Clone(s.Files)
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for _, f := range files {
		if err := folder(path.Dir(f.Path), 0o755); err != nil {
			return err
		}
		if err := writeFile(archive, f); err != nil {
			return fmt.Errorf("adding %s: %w", f.Path, err)
		}
	}
	return archive.Close()
}

// parents lists a folder after the folders that it is in: /a, /a/b, /a/b/c.
func parents(name string) []string {
	var all []string
	for at := name; at != "/" && at != "."; at = path.Dir(at) {
		all = append(all, at)
	}
	slices.Reverse(all)
	return all
}

func writeFile(archive *tar.Writer, f File) error {
	header := &tar.Header{Name: strings.TrimPrefix(f.Path, "/"), Mode: 0o755, ModTime: epoch, Typeflag: tar.TypeReg}
	if f.Mode != 0 {
		header.Mode = f.Mode
	}
	if f.Link != "" {
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, f.Link, 0o777
		return archive.WriteHeader(header)
	}
	var content io.Reader = bytes.NewReader(f.Data)
	header.Size = int64(len(f.Data))
	if f.Source != "" {
		file, err := os.Open(f.Source)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file", f.Source)
		}
		content, header.Size = file, info.Size()
	}
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(archive, content)
	return err
}
