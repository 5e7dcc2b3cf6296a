package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"sort"

	"golang.org/x/sync/errgroup"
)

// IndexName is the file in each folder that names the folder's files with their hashes.
const IndexName = "index.json"

// index is the content of an index.json.
type index struct {
	// Files are SHA-256 sums in hexadecimal by file name; the index itself is not among them.
	Files map[string]string `json:"files"`
}

// Folder is one folder of the tree as it should be.
type Folder struct {
	// Path is relative to the tree, with slashes ("platform/cortex").
	Path string
	// Files are SHA-256 sums by file name.
	Files map[string]string
	// Content reads the texts of the files; it is called only for a folder in which something changed.
	Content func() (map[string][]byte, error)
}

// State is a tree as it is on disk.
type State struct {
	dir     string
	folders map[string]map[string]string // sums by file by folder, as the indexes say
	actual  map[string]string            // sums of files that are really there
	// Edited are files that opsgen wrote and somebody changed since, relative to the tree.
	Edited []string
	// Foreign are files that opsgen did not write, relative to the tree.
	Foreign []string
	// Damaged are indexes that cannot be read, such as after a merge conflict.
	Damaged []string
}

// Sum is the SHA-256 sum of a text in hexadecimal.
func Sum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Read reads the tree at dir, which need not exist. Whoever means to write holds its Lock.
func Read(dir string) (*State, error) {
	s := &State{dir: dir, folders: map[string]map[string]string{}, actual: map[string]string{}}
	files, err := s.list()
	if err != nil {
		return nil, err
	}
	if err := s.hash(files); err != nil {
		return nil, err
	}
	s.compare()
	return s, nil
}

// list reads all indexes and returns all other files.
func (s *State) list() ([]string, error) {
	if info, err := os.Lstat(s.dir); err == nil && !info.IsDir() {
		return nil, fmt.Errorf("%s is a file or a link; opsgen keeps a folder of this name: move it away", s.dir)
	}
	var files []string
	err := filepath.WalkDir(s.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			if name == s.dir && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		}
		if entry.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(s.dir, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if path.Base(rel) != IndexName {
			files = append(files, rel)
			return nil
		}
		return s.readIndex(rel)
	})
	if err != nil {
		return nil, fmt.Errorf("read the rendered files: %w", err)
	}
	return files, nil
}

func (s *State) readIndex(rel string) error {
	data, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(rel)))
	if err != nil {
		return err
	}
	var i index
	if err := json.Unmarshal(data, &i); err != nil || i.Files == nil {
		s.Damaged = append(s.Damaged, rel)
		return nil
	}
	s.folders[path.Dir(rel)] = i.Files
	return nil
}

// hash reads the files on all processors.
func (s *State) hash(files []string) error {
	sums := make([]string, len(files))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	const chunk = 64
	for first := 0; first < len(files); first += chunk {
		group.Go(func() error {
			for i := first; i < min(first+chunk, len(files)); i++ {
				sum, err := s.sumFile(files[i])
				if err != nil {
					return err
				}
				sums[i] = sum
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("read the rendered files: %w", err)
	}
	for i, file := range files {
		s.actual[file] = sums[i]
	}
	return nil
}

func (s *State) sumFile(rel string) (string, error) {
	name := filepath.Join(s.dir, filepath.FromSlash(rel))
	if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return "not a file", err // a link or a socket is never ours
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	return Sum(data), nil
}

func (s *State) compare() {
	for file, sum := range s.actual {
		want, ours := s.folders[path.Dir(file)][path.Base(file)]
		switch {
		case !ours:
			s.Foreign = append(s.Foreign, file)
		case want != sum:
			s.Edited = append(s.Edited, file)
		}
	}
	slices.Sort(s.Edited)
	slices.Sort(s.Foreign)
}

// Change is one file that would be written or removed.
type Change struct {
	// File is relative to the tree.
	File string `json:"file"`
	// Kind is "new", "changed" or "removed".
	Kind string `json:"kind"`
}

// Changes are the files in which the tree on disk differs from folders, in the order of their names. Foreign files
// do not count.
func (s *State) Changes(folders []Folder) []Change {
	var changes []Change
	planned := planned(folders)
	for _, folder := range folders {
		for file, sum := range folder.Files {
			name := path.Join(folder.Path, file)
			switch actual, exists := s.actual[name]; {
			case !exists:
				changes = append(changes, Change{name, "new"})
			case actual != sum:
				changes = append(changes, Change{name, "changed"})
			}
		}
	}
	for folder, files := range s.folders {
		for file := range files {
			name := path.Join(folder, file)
			if _, exists := s.actual[name]; exists && !planned[name] {
				changes = append(changes, Change{name, "removed"})
			}
		}
	}
	sort.Slice(changes, func(i, j int) bool { return changes[i].File < changes[j].File })
	return changes
}

// UpToDate says that the tree is exactly folders: files and indexes.
func (s *State) UpToDate(folders []Folder) bool {
	if len(s.Damaged) > 0 || len(folders) != len(s.folders) || len(s.Changes(folders)) > 0 {
		return false
	}
	for _, folder := range folders {
		if !sameFiles(s.folders[folder.Path], folder.Files) {
			return false
		}
	}
	return true
}

// Occupied are foreign files in places that folders need. Files beside a damaged index are not counted: most likely they
// are opsgen's own, and whoever writes over the damage writes over them.
func (s *State) Occupied(folders []Folder) []string {
	planned := planned(folders)
	var occupied []string
	for _, file := range s.Foreign {
		if planned[file] && !slices.Contains(s.Damaged, path.Join(path.Dir(file), IndexName)) {
			occupied = append(occupied, file)
		}
	}
	return occupied
}

// LeftAlone are foreign files that folders do not need: they stay as they are.
func (s *State) LeftAlone(folders []Folder) []string {
	planned := planned(folders)
	alone := []string{} // never null, so that programs may go over it
	for _, file := range s.Foreign {
		if !planned[file] {
			alone = append(alone, file)
		}
	}
	return alone
}

// planned are the files of folders, relative to the tree.
func planned(folders []Folder) map[string]bool {
	names := map[string]bool{}
	for _, folder := range folders {
		for file := range folder.Files {
			names[path.Join(folder.Path, file)] = true
		}
	}
	return names
}

func sameFiles(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, sum := range a {
		if b[name] != sum {
			return false
		}
	}
	return true
}

// Text is the file as it is on disk, for a diff.
func (s *State) Text(file string) ([]byte, error) {
	return os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(file)))
}
