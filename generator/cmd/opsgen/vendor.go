package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/progress"
	"github.com/opsgen/opsgen/generator/repository"
)

func newVendorCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "vendor [DIR]",
		Short: "Store every pinned package for air-gapped use",
		Long: `Vendor downloads, verifies and stores every source of versions.yaml in a folder, vendor-sources in the repository
unless another is named. Renders look there first; with --offline they look nowhere else. docs/air-gapped.md says
how the images follow.`,
		Example: "  opsgen vendor\n  opsgen vendor /media/stick/sources",
		Args:    cobra.MaximumNArgs(1),
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
			store, err := a.store(root, progress.New(a.stderr))
			if err != nil {
				return err
			}
			if err := store.Vendor(cmd.Context(), dir, repo.Bundle.Sources); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "stored %s in %s\n", count(len(repo.Bundle.Sources), "source"), dir)
			return err
		},
	}
}
