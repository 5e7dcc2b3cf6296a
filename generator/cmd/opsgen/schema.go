package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/schema"
)

func newSchemaCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema " + strings.Join(schema.Names(), "|"),
		Short: "Print the JSON Schema of an input file",
		Long: `Schema prints the JSON Schema of one kind of input file. Editors that know the yaml-language-server's comment
complete and check with it; every file that opsgen writes has that comment.`,
		Example: `  opsgen schema cluster > cluster.schema.json
  opsgen schema tenant --markdown`,
		ValidArgs: schema.Names(),
		Args:      oneArgument("the kind of file"),
		RunE: func(_ *cobra.Command, arguments []string) error {
			if !slices.Contains(schema.Names(), arguments[0]) {
				return usage("there is no schema %q%s", arguments[0], suggestion(arguments[0], schema.Names(), "; write one of "))
			}
			write := schema.JSON
			if a.settings.GetBool("markdown") {
				write = schema.Markdown
			}
			text, err := write(arguments[0])
			if err != nil {
				return err
			}
			_, err = a.stdout.Write(text)
			return err
		},
	}
	cmd.Flags().Bool("markdown", false, "print a reference for people instead")
	return cmd
}
