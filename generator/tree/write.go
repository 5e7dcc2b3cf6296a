package tree

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Lock keeps a second run out of the cluster's folder (the parent of the tree) until the returned function is called.
// The lock is the kernel's: it leaves no file, and ends with the process. What killed runs left behind is mended first.
func Lock(dir string) (func(), error) {
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return nil, fmt.Errorf("open the cluster's folder: %w", err)
	}
	if err := unix.Flock(int(parent.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		parent.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: another opsgen is writing here; wait for it to end", dir)
		}
		return nil, fmt.Errorf("lock the cluster's folder: %w", err)
	}
	if err := recoverSwap(dir); err != nil {
		parent.Close()
		return nil, err
	}
	return func() { parent.Close() }, nil
}

// Write makes the tree equal to folders. The new tree is built beside the old one, from links to what stays and new
// files for what changed, and then takes its place in one step: a killed run leaves the old tree or the new one.
// Foreign files move along.
func (s *State) Write(folders []Folder) error {
	next, err := os.MkdirTemp(filepath.Dir(s.dir), temporary)
	if err != nil {
		return fmt.Errorf("write %s: %w", s.dir, err)
	}
	defer os.RemoveAll(next)
	if err := os.Chmod(next, 0o755); err != nil {
		return err
	}
	for _, folder := range folders {
		if err := s.writeFolder(next, folder); err != nil {
			return fmt.Errorf("write %s: %w", path.Join(s.dir, folder.Path), err)
		}
	}
	for _, file := range s.Foreign {
		if err := s.keep(next, file); err != nil {
			return fmt.Errorf("keep %s: %w", file, err)
		}
	}
	return swap(next, s.dir)
}

func (s *State) writeFolder(next string, folder Folder) error {
	dir := filepath.Join(next, filepath.FromSlash(folder.Path))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var texts map[string][]byte
	for file, sum := range folder.Files {
		if s.actual[path.Join(folder.Path, file)] == sum {
			if err := s.keep(next, path.Join(folder.Path, file)); err != nil {
				return err
			}
			continue
		}
		if texts == nil {
			var err error
			if texts, err = folder.Content(); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, file), texts[file], 0o644); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(index{Files: folder.Files}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, IndexName), append(text, '\n'), 0o644)
}

// keep links a file of the old tree into the new one, or copies it where the file system has no links.
func (s *State) keep(next, file string) error {
	from := filepath.Join(s.dir, filepath.FromSlash(file))
	to := filepath.Join(next, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.Link(from, to); err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// temporary begins the names of trees under construction; old is the name that a tree has for the moment between two
// renames where the system cannot exchange folders.
const (
	temporary = ".rendered-"
	old       = ".rendered-old"
)

// swap puts next in the place of dir. Linux exchanges the two in one step; elsewhere two renames do, and recoverSwap
// mends a run that was killed between them.
func swap(next, dir string) error {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(next, dir)
	}
	if err := exchange(next, dir); err == nil {
		return nil // next is the old tree now; the caller removes it
	}
	aside := filepath.Join(filepath.Dir(dir), old)
	if err := os.Rename(dir, aside); err != nil {
		return err
	}
	if err := os.Rename(next, dir); err != nil {
		return errors.Join(err, os.Rename(aside, dir))
	}
	return os.RemoveAll(aside)
}

// recoverSwap removes what killed runs left beside the tree, and puts an old tree back that has no successor.
func recoverSwap(dir string) error {
	aside := filepath.Join(filepath.Dir(dir), old)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(aside, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	leftovers, err := filepath.Glob(filepath.Join(filepath.Dir(dir), temporary+"*"))
	if err != nil {
		return err
	}
	for _, leftover := range leftovers {
		if err := os.RemoveAll(leftover); err != nil {
			return fmt.Errorf("remove what an interrupted run left: %w", err)
		}
	}
	return nil
}
