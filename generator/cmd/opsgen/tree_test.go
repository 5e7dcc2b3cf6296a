package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// remember DIR keeps what is in a folder, for unchanged.
func remember(ts *testscript.TestScript, _ bool, args []string) {
	for _, dir := range args {
		file := memory(ts, dir)
		ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
		ts.Check(os.WriteFile(file, []byte(strings.Join(treeOf(ts, dir), "\n")), 0o644))
	}
}

func memory(ts *testscript.TestScript, dir string) string {
	return filepath.Join(ts.Getenv("WORK"), ".remembered", strings.ReplaceAll(dir, "/", "-"))
}

// unchanged DIR fails when anything in a remembered folder differs: names, contents, modes, kinds of files.
func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	for _, dir := range args {
		before := strings.Split(ts.ReadFile(memory(ts, dir)), "\n")
		after := treeOf(ts, dir)
		if slices.Equal(before, after) == neg {
			ts.Fatalf("%s: changed: %v\n%s", dir, !neg, cmp.Diff(before, after))
		}
	}
}

// same DIR DIR fails when two folders differ.
func same(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: same DIR DIR")
	}
	first := treeOf(ts, args[0])
	if diff := cmp.Diff(first, treeOf(ts, args[1])); diff != "" || len(first) < 2 {
		ts.Fatalf("%s and %s differ, or are empty:\n%s", args[0], args[1], diff)
	}
}

// treeOf lists a folder's entries with their modes and sums.
func treeOf(ts *testscript.TestScript, dir string) []string {
	root := ts.MkAbs(dir)
	var entries []string
	ts.Check(filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %s", info.Mode(), rel)
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		entries = append(entries, line)
		return nil
	}))
	return entries
}

// crowd DIR N makes many files.
func crowd(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: crowd DIR N")
	}
	number, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o755))
	for i := range number {
		ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), fmt.Sprintf("%d.txt", i)), nil, 0o644))
	}
}

// alone DIR NAME... fails when a folder holds anything else than what is named.
func alone(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: alone DIR NAME...")
	}
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if diff := cmp.Diff(args[1:], names); diff != "" {
		ts.Fatalf("%s: %s", args[0], diff)
	}
}

// clone DIR [REPOSITORY] makes another copy of the stories' repository, or one of what people wrote in a real one.
func clone(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 && len(args) != 2 {
		ts.Fatalf("usage: clone DIR [REPOSITORY]")
	}
	if len(args) == 1 {
		ts.Check(copyMissing("testdata/repository", ts.MkAbs(args[0])))
		return
	}
	for _, name := range []string{"bases", "overlays", "tenants"} {
		ts.Check(copyMissing(filepath.Join(args[1], name), filepath.Join(ts.MkAbs(args[0]), name)))
	}
	files, err := filepath.Glob(filepath.Join(args[1], "clusters", "*", "cluster.yaml"))
	ts.Check(err)
	for _, file := range append(files, filepath.Join(args[1], "versions.yaml")) {
		rel, err := filepath.Rel(args[1], file)
		ts.Check(err)
		data, err := os.ReadFile(file)
		ts.Check(err)
		target := filepath.Join(ts.MkAbs(args[0]), rel)
		ts.Check(os.MkdirAll(filepath.Dir(target), 0o755))
		ts.Check(os.WriteFile(target, data, 0o644))
	}
}
