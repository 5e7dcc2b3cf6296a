package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/image"
	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/repository"
)

func newLockCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "lock [IMAGE...]",
		Short: "Lock images by the digests that their registries give",
		Long: `Lock asks the registries for the digests of the images of versions.yaml, all or the named ones, and writes them into
the file, whose comments stay. An image that cannot be resolved is named and stays as it is; the exit code is 1 then.`,
		Example:           "  opsgen lock\n  opsgen lock cortex loki",
		ValidArgsFunction: a.completeImages,
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.lock(cmd, names)
		},
	}
}

// errUnresolved ends a lock that did not reach all images; which ones was printed.
var errUnresolved = errors.New("could not be resolved; versions.yaml says of them what it said before")

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
	reporter := progress.New(a.stderr)
	resolutions, err := image.Lock(cmd.Context(), repo.Bundle, image.Options{
		Names: names, Progress: func(r image.Resolution) { reporter.Line("asked", "%s", r.Reference) },
	})
	if resolutions == nil {
		return err // nothing was asked for; which image could not be resolved is in its resolution
	}
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	changed, err := image.Write(filepath.Join(root, "versions.yaml"), resolutions)
	if err != nil {
		return err
	}
	return a.printResolutions(resolutions, changed)
}

// lockedImage is what a lock did to one image.
type lockedImage struct {
	Name   string `json:"name"`
	Digest string `json:"digest,omitempty"`
	// Moved says that the tag stands for something else than before.
	Moved bool   `json:"moved,omitempty"`
	Error string `json:"error,omitempty"`
}

func (a *app) printResolutions(resolutions []image.Resolution, changed bool) error {
	images := make([]lockedImage, len(resolutions))
	failed := 0
	for i, r := range resolutions {
		images[i] = lockedImage{Name: r.Name, Digest: r.Digest, Moved: r.Moved()}
		if r.Err != nil {
			failed++
			images[i].Error = r.Err.Error()
		}
	}
	var unresolved error
	if failed > 0 {
		unresolved = fmt.Errorf("%d of %s %w", failed, progress.Count(len(images), "image"), errUnresolved)
	}
	if a.json() {
		return errors.Join(a.writeJSON(images), unresolved)
	}
	for _, i := range images {
		switch {
		case i.Error != "":
			fmt.Fprintf(a.stdout, "%-26s not resolved: %s\n", i.Name, i.Error)
		case i.Moved:
			fmt.Fprintf(a.stdout, "%-26s %s (the tag has moved since it was locked)\n", i.Name, i.Digest)
		default:
			fmt.Fprintf(a.stdout, "%-26s %s\n", i.Name, i.Digest)
		}
	}
	if changed {
		fmt.Fprintln(a.stdout, "wrote versions.yaml; next: opsgen render")
	}
	return unresolved
}
