package rule

import (
	"fmt"
	"maps"
	"slices"

	"github.com/opsgen/opsgen/generator/document"
)

// Clashes warns about rules of different groups or files of one tenant that get in each other's way: those that record
// the same series, and alerts that nothing tells apart. Too many groups are an error of the cluster, and told as well.
func Clashes(groups []Group, o Options) (warnings document.Problems) {
	type place struct {
		group Group
		rule  Rule
	}
	first := map[string]place{}
	for _, g := range groups {
		for _, rule := range g.Rules {
			key := identity(rule)
			before, clash := first[key]
			if !clash {
				first[key] = place{g, rule}
				continue
			}
			if before.group.File == g.File && before.group.Name == g.Name || rule.Name() == "" {
				continue // told where the group was read
			}
			message := fmt.Sprintf("the alert %q with the same labels is also at %s:%d: nobody can tell the two apart", rule.Alert, before.group.File, before.rule.Line)
			if rule.Record != "" {
				message = fmt.Sprintf("the series %q with the same labels is also recorded at %s:%d: the two overwrite each other", rule.Record, before.group.File, before.rule.Line)
			}
			warnings = append(warnings, document.Problem{
				File: g.File, Line: rule.Line, Column: rule.Column, Message: message, Hint: "Give one of them another name or another label.",
			})
		}
	}
	if most := o.mostGroups(); len(groups) > most {
		last := groups[len(groups)-1]
		warnings = append(warnings, document.Problem{
			File: last.File, Line: last.Line, Column: last.Column, Hint: "Put rules that belong together into one group.",
			Message: fmt.Sprintf("the tenant has %d groups; the cluster takes %d, and refuses the others", len(groups), most),
		})
	}
	return warnings
}

func sortedNames(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
