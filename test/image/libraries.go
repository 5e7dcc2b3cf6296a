package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Libraries answers what a program needs beside it in an image: its loader and shared libraries, where it looks for them.
// A static program needs nothing. The architecture is Go's name of it.
func Libraries(program, architecture string) ([]File, error) {
	found := map[string]File{}
	if err := addLibraries(program, folders(architecture), found); err != nil {
		return nil, fmt.Errorf("finding the libraries of %s: %w", program, err)
	}
	var files []File
	for _, f := range found {
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

// folders are where Debian's loader looks without further configuration.
func folders(architecture string) []string {
	triplet := map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}[architecture]
	return []string{"/lib/" + triplet, "/usr/lib/" + triplet, "/lib", "/usr/lib"}
}

func addLibraries(program string, folders []string, found map[string]File) error {
	file, err := elf.Open(program)
	var format *elf.FormatError
	if errors.As(err, &format) {
		// A script, or a test's: nothing to link.
		return nil
	}
	if err != nil {
		return err
	}
	defer func() {
		// It was only read.
		_ = file.Close()
	}()
	if err := addLoader(file, found); err != nil {
		return err
	}
	needed, err := file.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, name := range needed {
		if _, ok := found[name]; ok {
			continue
		}
		path := ""
		for _, folder := range folders {
			if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
				path = filepath.Join(folder, name)
				break
			}
		}
		if path == "" {
			return fmt.Errorf("library %s is not on this machine", name)
		}
		found[name] = File{Path: path, Source: path}
		if err := addLibraries(path, folders, found); err != nil {
			return err
		}
	}
	return nil
}

// addLoader adds the program that the kernel starts in a dynamic program's place. A loader of another C library than the
// one found is not checked: all come from one machine.
func addLoader(file *elf.File, found map[string]File) error {
	for _, segment := range file.Progs {
		if segment.Type != elf.PT_INTERP {
			continue
		}
		name := make([]byte, segment.Filesz)
		if _, err := segment.ReadAt(name, 0); err != nil {
			return err
		}
		path := strings.TrimRight(string(name), "\x00")
		found[filepath.Base(path)] = File{Path: path, Source: path}
	}
	return nil
}
