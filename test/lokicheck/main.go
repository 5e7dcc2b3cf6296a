package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opsgen/opsgen/test/lokicheck/process"
	"github.com/opsgen/opsgen/test/lokicheck/rendered"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run checks the clusters whose rendered folders are named, or all of this repository's.
func run(folders []string) error {
	if len(folders) == 0 {
		var err error
		if folders, err = filepath.Glob(everyCluster); err != nil {
			return err
		}
	}
	if len(folders) == 0 {
		return fmt.Errorf("no rendered cluster at %s: run `opsgen render` first, or name a folder", everyCluster)
	}
	var failures []error
	for _, folder := range folders {
		checked, err := check(folder)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		fmt.Printf("%s: %d command lines of Loki, and their limits, are valid\n", folder, checked)
	}
	return errors.Join(failures...)
}

// everyCluster is where opsgen renders to, seen from this folder.
const everyCluster = "../../clusters/*/rendered"

// check reads what every container of Loki in a rendered cluster would read. It returns their number, which is never 0
// without an error, and all mistakes at once.
func check(folder string) (int, error) {
	files, err := rendered.Read(folder)
	if err != nil {
		return 0, err
	}
	containers := files.Containers("loki")
	if len(containers) == 0 {
		return 0, fmt.Errorf("%s: no container of Loki: run `opsgen render`, and check that it is the folder of a cluster", folder)
	}
	var failures []error
	for _, c := range containers {
		if err := process.Check(c); err != nil {
			failures = append(failures, fmt.Errorf("%s: container %s: %w", filepath.Join(folder, c.File), c.Name, err))
		}
	}
	return len(containers), errors.Join(failures...)
}
