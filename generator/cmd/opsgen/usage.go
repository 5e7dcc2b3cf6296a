package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/opsgen/opsgen/generator/document"
)

// usage is an error about the command line itself.
func usage(format string, arguments ...any) error {
	return fmt.Errorf(format, arguments...)
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, given []string) error {
	if len(given) > 0 {
		return usage("%s takes no arguments, but got %s\nSee %s --help", cmd.CommandPath(), quoted(given), cmd.CommandPath())
	}
	return nil
}

// oneArgument asks for exactly one argument; what names it.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		switch len(given) {
		case 0:
			return usage("%s needs %s: %s\nSee %s --help", cmd.CommandPath(), what, cmd.UseLine(), cmd.CommandPath())
		case 1:
			return nil
		default:
			return usage("%s takes %s, but got %s", cmd.CommandPath(), what, quoted(given))
		}
	}
}

// atMostOne refuses a second argument; what names the first.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, given []string) error {
		if len(given) > 1 {
			return usage("%s takes %s at most, but got %s", cmd.CommandPath(), what, quoted(given))
		}
		return nil
	}
}

func quoted(words []string) string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = fmt.Sprintf("%q", word)
	}
	return strings.Join(list, ", ")
}

// unknownCommand answers words that are no command.
func unknownCommand(root *cobra.Command, word string) error {
	return usage("there is no command %q%s\nSee %s --help", word, suggestion(word, commandNames(root), "; commands are "), root.CommandPath())
}

func commandNames(root *cobra.Command) []string {
	var names []string
	for _, c := range root.Commands() {
		if c.IsAvailableCommand() || c.Name() == "help" {
			names = append(names, c.Name())
		}
	}
	slices.Sort(names)
	return names
}

// newHelpCommand explains another command.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Explain a command",
		Args:  atMostOne("one command"),
		ValidArgsFunction: func(cmd *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(given) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return commandNames(cmd.Root()), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, words []string) error {
			found, rest, err := cmd.Root().Find(words)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), words[0])
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}

// suggestion is the name that was most likely meant, or all of them.
func suggestion(word string, names []string, list string) string {
	if near := document.Nearest(word, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return list + strings.Join(names, ", ")
}

// flagError explains a flag that cannot be read.
func flagError(cmd *cobra.Command, err error) error {
	see := "See " + cmd.CommandPath() + " --help"
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		return usage("there is no flag --%s%s\n%s", unknown.GetSpecifiedName(), nearestFlag(cmd, unknown.GetSpecifiedName()), see)
	}
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		return usage("--%s is %q; %s\n%s", invalid.GetFlag().Name, invalid.GetValue(), kinds[invalid.GetFlag().Value.Type()], see)
	}
	return usage("%w\n%s", err, see)
}

// kinds say what to write for a flag of a type.
var kinds = map[string]string{"int": "write a whole number", "bool": "write true or false"}

func nearestFlag(cmd *cobra.Command, name string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := document.Nearest(name, names); near != "" {
		return "; did you mean --" + near + "?"
	}
	return ""
}

// settingNames are the names of all settings: the flags of all commands, but for those that make no sense in a file.
func settingNames(root *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) {
		if f.Name != "help" && f.Name != "config" {
			names = append(names, f.Name)
		}
	}
	root.PersistentFlags().VisitAll(add)
	for _, c := range root.Commands() {
		c.LocalNonPersistentFlags().VisitAll(add)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
