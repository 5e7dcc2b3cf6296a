package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// remember DIR keeps what is in a folder, for unchanged.
func remember(ts *testscript.TestScript, _ bool, args []string) {
	for _, dir := range args {
		ts.Setenv("tree "+dir, strings.Join(treeOf(ts, dir), "\n"))
	}
}

// unchanged DIR fails when anything in a remembered folder differs: names, contents, modes, kinds of files.
func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	for _, dir := range args {
		before := strings.Split(ts.Getenv("tree "+dir), "\n")
		diff := cmp.Diff(before, treeOf(ts, dir))
		if (diff == "") == neg {
			ts.Fatalf("%s: changed: %v\n%s", dir, diff != "", diff)
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
