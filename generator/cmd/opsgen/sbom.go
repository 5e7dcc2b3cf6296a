package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/sbom"
)

func newSbomCommand(a *app) *cobra.Command {
	var clusterName string
	var binaries []string
	cmd := &cobra.Command{
		Use:   "sbom",
		Short: "Write the bill of materials in the CycloneDX format",
		Long: `Sbom lists, in the CycloneDX format (1.6), all that the bundle consists of: charts and manifests, images with their digests,
and the Go modules of our own programs, with licences where they are known. Modules come from go.mod, or, exactly, from
the programs that are named with --binary.

The same commit gives the same bytes. A time is written only when SOURCE_DATE_EPOCH gives one.`,
		Example: `  opsgen sbom > bundle.cdx.json
  opsgen sbom --cluster prod --format xml
  opsgen sbom --binary bin/proxy --binary bin/syncer`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return a.sbom(clusterName, binaries) },
	}
	a.clusterFlag(cmd, &clusterName)
	cmd.Flags().Lookup("cluster").Usage = "list only the images that this cluster's rendered files use"
	cmd.Flags().StringArrayVar(&binaries, "binary", nil, "a program whose modules are listed, instead of go.mod's; may be given several times")
	cmd.Flags().String("format", sbom.JSON, "json or xml")
	return cmd
}

func (a *app) sbom(clusterName string, binaries []string) error {
	root, err := a.root()
	if err != nil {
		return err
	}
	in := sbom.Input{Name: "opsgen-bundle"}
	format := a.settings.GetString("format")
	if format != sbom.JSON && format != sbom.XML {
		return usage("--format is %q; write json or xml", format)
	}
	if in.Time, err = sourceDate(); err != nil {
		return err
	}
	if clusterName == "" {
		repo, err := repository.LoadBundle(root)
		if err != nil {
			return err
		}
		in.Bundle = repo.Bundle
	} else if err := a.sbomOfCluster(&in, clusterName); err != nil {
		return err
	}
	if len(binaries) > 0 {
		in.Modules, err = sbom.ReadBinaries(binaries)
	} else {
		in.Modules, err = sbom.ReadModules(root)
	}
	if err != nil {
		return err
	}
	text, err := sbom.Encode(in, format)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(text)
	return err
}

// sbomOfCluster restricts a bill to what one cluster runs.
func (a *app) sbomOfCluster(in *sbom.Input, clusterName string) error {
	repo, err := a.loadRepository([]string{clusterName})
	if err != nil {
		return err
	}
	in.Name, in.Bundle, in.Registry = clusterName, repo.Bundle, repo.Clusters[0].Registry
	references := map[string]string{}
	for name, image := range repo.Bundle.Images {
		references[name] = image.Reference(in.Registry)
	}
	rendered := filepath.Join(repo.Root, "clusters", clusterName, "rendered")
	if !isFolder(rendered) {
		return usage("cluster %s is not rendered, so what it runs is not known; run opsgen render %s", clusterName, clusterName)
	}
	if in.Images, err = sbom.UsedImages(rendered, references); err != nil {
		return err
	}
	if len(in.Images) == 0 {
		return usage("clusters/%s/rendered names no image of versions.yaml; it may be older than the file: run opsgen render %s", clusterName, clusterName)
	}
	return nil
}

// sourceDate is the time of SOURCE_DATE_EPOCH (reproducible-builds.org), the zero time when it is not set.
func sourceDate() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q; write seconds since 1970, or unset it", text)
	}
	return time.Unix(seconds, 0), nil
}
