package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/image"
	"github.com/opsgen/opsgen/generator/repository"
)

func newLockCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "lock [IMAGE...]",
		Short: "Lock images by the digests that their registries give",
		Long: `Lock asks the registries for the digests of the images of versions.yaml, all or the named ones, and writes them into
the file, whose comments stay. An image that cannot be resolved is named and stays as it is; the exit code is 1 then.`,
		Example: "  opsgen lock\n  opsgen lock cortex loki",
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.lock(cmd, names)
		},
	}
}

// errUnresolved ends a lock that did not reach all images; which ones was printed.
var errUnresolved = errors.New("not every image is locked")

func (a *app) lock(cmd *cobra.Command, names []string) error {
	root, err := a.root()
	if err != nil {
		return err
	}
	if a.settings.GetBool("offline") {
		return usage("lock asks registries; it cannot work with --offline")
	}
	repo, err := repository.LoadBundle(root)
	if err != nil {
		return err
	}
	resolutions, err := image.Lock(cmd.Context(), repo.Bundle, image.Options{Names: names, File: filepath.Join(root, "versions.yaml")})
	if err != nil {
		return err
	}
	return a.printResolutions(resolutions)
}

func (a *app) printResolutions(resolutions []image.Resolution) error {
	if a.json() {
		if err := a.writeJSON(resolutions); err != nil {
			return err
		}
	}
	failed := false
	for _, r := range resolutions {
		failed = failed || r.Err != nil
		switch {
		case a.json():
		case r.Err != nil:
			fmt.Fprintf(a.stdout, "%-26s not resolved: %v\n", r.Name, r.Err)
		default:
			fmt.Fprintf(a.stdout, "%-26s %s\n", r.Name, r.Digest)
		}
	}
	if failed {
		return errUnresolved
	}
	return nil
}
