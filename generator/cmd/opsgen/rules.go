package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/advice"
	"github.com/opsgen/opsgen/generator/check"
)

// rule is one thing that opsgen looks for.
type rule struct {
	Name string `json:"name"`
	// Looks is "inputs" or "objects".
	Looks    string `json:"looks"`
	Explains string `json:"explains"`
}

func newRulesCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "List everything that render checks",
		Long: `Rules lists what render looks for: in the inputs (a wrong one is refused or warned about) and in the rendered
objects (schemas, policy, references, the components' own configuration).`,
		Example: "  opsgen rules\n  opsgen rules -o json",
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return a.rules() },
	}
}

func (a *app) rules() error {
	var rules []rule
	for _, r := range advice.Rules() {
		rules = append(rules, rule{r.Name, "inputs", r.Explains})
	}
	for _, r := range check.Rules() {
		rules = append(rules, rule{r.Name, "objects", r.About})
	}
	if a.json() {
		return a.writeJSON(rules)
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "RULE\tLOOKS AT\tWHAT IT FINDS")
	for _, r := range rules {
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.Name, r.Looks, r.Explains)
	}
	return table.Flush()
}
