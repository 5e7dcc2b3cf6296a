package revision

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// File is one file of a commit.
type File struct {
	// Path is relative to the repository, with slashes.
	Path string
	// Blob is the hash of the content: two files with the same one are the same.
	Blob string
	// Link says that the content is the target of a symbolic link.
	Link bool
}

// Files lists a commit's files below the paths, all of them when none is given, in the order of their paths.
func (h *History) Files(ctx context.Context, r Revision, paths ...string) ([]File, error) {
	out, err := h.git(ctx, append([]string{"ls-tree", "-r", "-z", r.Commit, "--"}, paths...)...)
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", r.Name, err)
	}
	var files []File
	for _, line := range split(out) { // "<mode> <type> <hash>\t<path>"
		meta, name, _ := strings.Cut(line, "\t")
		fields := strings.Fields(meta)
		if len(fields) == 3 && fields[1] == "blob" {
			files = append(files, File{Path: name, Blob: fields[2], Link: fields[0] == "120000"})
		}
	}
	return files, nil
}

// Read gives contents by blob, each read once however often it is asked for.
func (h *History) Read(ctx context.Context, blobs []string) (map[string][]byte, error) {
	wanted := slices.Compact(slices.Sorted(slices.Values(blobs)))
	contents := make(map[string][]byte, len(wanted))
	err := h.each(ctx, wanted, func(blob string, content []byte) error {
		contents[blob] = content
		return nil
	})
	return contents, err
}

// each reads blobs through one git process, and hands them on one by one.
func (h *History) each(ctx context.Context, blobs []string, use func(blob string, content []byte) error) error {
	if len(blobs) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := h.repository.Command(ctx, "cat-file", "--batch")
	cmd.Stdin = strings.NewReader(strings.Join(blobs, "\n") + "\n")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("read files from Git: %w", err)
	}
	reader := bufio.NewReader(out)
	for _, blob := range blobs {
		content, err := readBlob(reader)
		if err == nil {
			err = use(blob, content)
		}
		if err != nil {
			cancel()
			_ = cmd.Wait() // it was stopped; what went wrong is said by err
			return fmt.Errorf("read %s from Git: %w", blob, err)
		}
	}
	return cmd.Wait()
}

// readBlob reads "<hash> blob <size>", the content and a line break.
func readBlob(reader *bufio.Reader) ([]byte, error) {
	head, err := reader.ReadString('\n')
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(head)
	if len(fields) != 3 {
		return nil, fmt.Errorf("git answers %q", strings.TrimSpace(head))
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return nil, fmt.Errorf("git answers %q", strings.TrimSpace(head))
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(reader, content); err != nil {
		return nil, err
	}
	_, err = reader.Discard(1)
	return content, err
}

// Export writes those of a commit's files that keep accepts into dir, which must exist. A link that leads out of the
// repository is refused: a commit must not bring a file of this machine into what is rendered.
func (h *History) Export(ctx context.Context, r Revision, dir string, keep func(file string) bool) error {
	files, err := h.Files(ctx, r)
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f File) bool { return !keep(f.Path) })
	places := map[string][]File{}
	for _, file := range files {
		places[file.Blob] = append(places[file.Blob], file)
	}
	blobs := make([]string, 0, len(places))
	for blob := range places {
		blobs = append(blobs, blob)
	}
	slices.Sort(blobs)
	return h.each(ctx, blobs, func(blob string, content []byte) error {
		for _, file := range places[blob] {
			if err := place(dir, file, content); err != nil {
				return err
			}
		}
		return nil
	})
}

func place(dir string, file File, content []byte) error {
	name := filepath.Join(dir, filepath.FromSlash(file.Path))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if !file.Link {
		return os.WriteFile(name, content, 0o644) //nolint:gosec // inputs of a repository are no secret
	}
	if target := path.Join(path.Dir(file.Path), string(content)); path.IsAbs(string(content)) || !filepath.IsLocal(target) {
		return fmt.Errorf("%s is a link that leads out of the repository, to %q; replace it by a file", file.Path, content)
	}
	return os.Symlink(string(content), name)
}
