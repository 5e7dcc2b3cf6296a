package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/image"
	"github.com/opsgen/opsgen/generator/repository"
)

func newVersionsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "versions",
		Short: "List what the bundle pins, where it comes from, and what is locked",
		Long: `Versions lists the sources and images of versions.yaml: which version, from where, and whether an image is locked by
digest. With --images it prints what to copy into a private registry, one image a line: from where, to where.`,
		Example: `  opsgen versions
  opsgen versions --images --registry registry.example.com/mirror | while read from to; do crane copy $from $to; done`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return a.versions() },
	}
	cmd.Flags().Bool("images", false, "print the images to mirror")
	cmd.Flags().String("registry", "", "the private registry's prefix, as in cluster.yaml")
	return cmd
}

func (a *app) versions() error {
	root, err := a.root()
	if err != nil {
		return err
	}
	repo, err := repository.LoadBundle(root)
	if err != nil {
		return err
	}
	switch {
	case a.settings.GetBool("images"):
		return a.printMirrors(repo.Bundle, a.settings.GetString("registry"))
	case a.json():
		return a.writeJSON(repo.Bundle)
	default:
		return a.printBundle(repo.Bundle)
	}
}

// mirroredImage is one image to copy: from Source to Destination.
type mirroredImage struct {
	Name        string `json:"name"`
	Source      string `json:"source"`
	Destination string `json:"destination"`
}

func (a *app) printMirrors(b *bundle.Bundle, registry string) error {
	mirrors := image.List(b, registry)
	if a.json() {
		images := make([]mirroredImage, len(mirrors))
		for i, m := range mirrors {
			images[i] = mirroredImage(m)
		}
		return a.writeJSON(images)
	}
	for _, m := range mirrors {
		line := m.Source
		if registry != "" {
			line += " " + m.Destination
		}
		if _, err := fmt.Fprintln(a.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printBundle(b *bundle.Bundle) error {
	fmt.Fprintf(a.stdout, "bundle %s for Kubernetes %s to %s\n\n", b.Version, b.Kubernetes.Minimum, b.Kubernetes.Maximum)
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SOURCE\tVERSION\tFROM\tSUM")
	for _, name := range slices.Sorted(maps.Keys(b.Sources)) {
		s := b.Sources[name]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, s.Version, s.Module+s.OCI+s.URL, s.Sum)
	}
	fmt.Fprintln(table, "\t\t\t\nIMAGE\tTAG\tFROM\tLOCKED")
	for _, name := range slices.Sorted(maps.Keys(b.Images)) {
		i := b.Images[name]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, i.Tag, i.Repository, locked(i))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(text.String()) {
		if _, err := fmt.Fprintln(a.stdout, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// locked says how an image is locked. Who published a digest that opsgen lock did not resolve stands in versions.yaml, and
// in the output for machines.
func locked(i bundle.Image) string {
	switch {
	case i.Digest == "":
		return "no; run opsgen lock"
	case i.DigestFrom != "":
		return "by digest, as others publish it"
	default:
		return "by digest"
	}
}
