package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/repository"
)

// vendored is what was stored where.
type vendored struct {
	Folder  string   `json:"folder"`
	Sources []string `json:"sources"`
}

func newVendorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "vendor [DIR]",
		Short: "Store every pinned package for air-gapped use",
		Long: `Vendor downloads, verifies and stores every source of versions.yaml in a folder, vendor-sources in the repository
unless another is named. Renders look there first; with --offline they look nowhere else. docs/air-gapped.md says
how the images follow.`,
		Example: "  opsgen vendor\n  opsgen vendor /media/stick/sources",
		Args:    atMostOne("one folder"),
		RunE: func(cmd *cobra.Command, arguments []string) error {
			root, err := a.root()
			if err != nil {
				return err
			}
			dir := filepath.Join(root, "vendor-sources")
			if len(arguments) == 1 {
				dir = arguments[0]
			}
			repo, err := repository.LoadBundle(root)
			if err != nil {
				return err
			}
			reporter := progress.New(a.stderr)
			store, err := a.store(root, reporter)
			if err != nil {
				return err
			}
			err = store.Vendor(cmd.Context(), dir, repo.Bundle.Sources)
			reporter.Done()
			if err != nil {
				return err
			}
			if a.json() {
				return a.writeJSON(vendored{Folder: dir, Sources: slices.Sorted(maps.Keys(repo.Bundle.Sources))})
			}
			next := "opsgen render --offline"
			if len(arguments) == 1 {
				next += " --vendor-dir " + dir
			}
			_, err = fmt.Fprintf(a.stdout, "stored %s in %s\nnext: %s\n", progress.Count(len(repo.Bundle.Sources), "source"), dir, next)
			return err
		},
	}
}
