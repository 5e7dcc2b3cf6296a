package repository

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/component"
	"github.com/opsgen/opsgen/generator/document"
)

func (r *Repository) loadComponents() error {
	r.Components = map[string]*component.Component{}
	names, err := r.folders("bases", "component.yaml")
	if err != nil {
		return err
	}
	var problems document.Problems
	read := map[string]*document.Document{}
	for _, name := range names {
		c := &component.Component{Name: name}
		file, err := r.read("bases/"+name+"/component.yaml", c)
		if err != nil {
			problems = append(problems, asProblems(err)...)
		}
		r.Components[name], read[name] = c, file
	}
	for _, name := range names {
		if read[name] != nil {
			problems = append(problems, r.danglingNames(r.Components[name], read[name])...)
		}
	}
	return problems.Err()
}

// danglingNames finds what a component names and what is not there: it would be passed over, or stop a render far from
// the place of the mistake.
func (r *Repository) danglingNames(c *component.Component, file *document.Document) document.Problems {
	var problems document.Problems
	check := func(path, what, name string, known []string) {
		if slices.Contains(known, name) {
			return
		}
		hint := document.Suggest(name, known, strings.ToUpper(what[:1])+what[1:]+"s are: ")
		problems = append(problems, file.Problem(path, fmt.Sprintf("there is no %s %q", what, name), hint))
	}
	for i, name := range c.Requires {
		check(fmt.Sprintf("requires[%d]", i), "component", name, slices.Sorted(maps.Keys(r.Components)))
	}
	for i, name := range c.Providers {
		check(fmt.Sprintf("providers[%d]", i), "provider", name, []string{cluster.AWS, cluster.GCP, cluster.Existing})
	}
	if r.Bundle == nil || len(r.Bundle.Sources) == 0 {
		return problems // versions.yaml could not be read, which is said already
	}
	sources := slices.Sorted(maps.Keys(r.Bundle.Sources))
	for i, name := range c.Sources {
		check(fmt.Sprintf("sources[%d]", i), "source", name, sources)
	}
	if c.Chart != nil && c.Chart.Source != "" {
		check("chart.source", "source", c.Chart.Source, sources)
	}
	return problems
}
