package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
)

//go:embed init.yaml.tmpl
var initTemplate string

// newCluster is what the template of a new cluster.yaml knows.
type newCluster struct {
	Name, Provider, Domain, Region, Account, URL string
	Zones                                        []string
}

var providers = []string{"aws", "gcp", "existing"}

func newInitCommand(a *app) *cobra.Command {
	var c newCluster
	cmd := &cobra.Command{
		Use:   "init NAME --provider aws|gcp|existing --domain DOMAIN",
		Short: "Write a new, commented cluster.yaml",
		Long: `Init writes clusters/NAME/cluster.yaml with every choice that matters, each explained, and sensible values for
the rest. It never overwrites a file. Edit it, then run opsgen render NAME.`,
		Example: `  opsgen init prod --provider aws --domain obs.example.com --region eu-central-1
  opsgen init lab --provider existing --domain obs.lab.example.com`,
		Args: oneArgument("the name of the new cluster"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			c.Name = arguments[0]
			return a.init(c)
		},
	}
	cmd.Flags().StringVar(&c.Provider, "provider", "", "aws, gcp or existing")
	cmd.Flags().StringVar(&c.Domain, "domain", "", "the name below which everything is served, such as obs.example.com")
	cmd.Flags().StringVar(&c.Region, "region", "", "the cloud's region")
	cmd.Flags().StringVar(&c.Account, "account", "", "the AWS account number or the Google Cloud project")
	cmd.Flags().StringVar(&c.URL, "git", "https://github.com/acme/observability", "the Git repository that Flux follows")
	for flag, values := range map[string][]string{"provider": providers} {
		cobra.CheckErr(cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
	}
	return cmd
}

var clusterName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$`)

func (a *app) init(c newCluster) error {
	root, err := a.root()
	if err != nil {
		return err
	}
	if err := c.complete(); err != nil {
		return err
	}
	parsed, err := template.New("cluster.yaml").Funcs(template.FuncMap{"join": strings.Join}).Parse(initTemplate)
	if err != nil {
		return fmt.Errorf("read the template of cluster.yaml: %w", err)
	}
	var text strings.Builder
	if err := parsed.Execute(&text, c); err != nil {
		return fmt.Errorf("write cluster.yaml: %w", err)
	}
	name := "clusters/" + c.Name + "/cluster.yaml"
	if err := writeNew(root, name, text.String()); err != nil {
		return err
	}
	if a.json() {
		return a.writeJSON(map[string]string{"wrote": name})
	}
	_, err = fmt.Fprintf(a.stdout, "wrote %s\nnext: edit it, then opsgen render %s\n", name, c.Name)
	return err
}

// complete checks what was given and fills in what follows from it.
func (c *newCluster) complete() error {
	if !clusterName.MatchString(c.Name) {
		return usage("%q cannot be a cluster's name: use up to 40 lower-case letters, digits and dashes, a letter first", c.Name)
	}
	if !slices.Contains(providers, c.Provider) {
		if c.Provider == "" {
			return usage("--provider is missing; write one of %s", strings.Join(providers, ", "))
		}
		return usage("--provider is %q%s", c.Provider, suggestion(c.Provider, providers, "; write one of "))
	}
	if c.Domain == "" {
		return usage("--domain is missing; write the name below which everything is served, such as obs.example.com")
	}
	switch c.Provider {
	case "aws":
		orDefault(&c.Region, "eu-central-1")
		orDefault(&c.Account, "000000000000")
		c.Zones = []string{c.Region + "a", c.Region + "b", c.Region + "c"}
	case "gcp":
		orDefault(&c.Region, "europe-west3")
		orDefault(&c.Account, "my-project")
		c.Zones = []string{c.Region + "-a", c.Region + "-b", c.Region + "-c"}
	}
	return nil
}

func orDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// writeNew writes a file of the repository that must not exist yet, with its folder.
func writeNew(root, name, text string) error {
	full := filepath.Join(root, filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(full), 0o755)
	if err == nil {
		err = writeExclusive(full, text)
	}
	var inFile *fs.PathError
	switch {
	case errors.Is(err, fs.ErrExist):
		return usage("%s exists already; edit it, or choose another name", name)
	case errors.As(err, &inFile):
		return fmt.Errorf("%s cannot be written: %w", name, inFile.Err)
	default:
		return err
	}
}

func writeExclusive(name, text string) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}
