package advice

import (
	"fmt"
	"slices"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/sizing"
	"github.com/opsgen/opsgen/generator/tenant"
)

// Input is everything that one cluster is made from.
type Input struct {
	// Bundle is versions.yaml.
	Bundle *bundle.Bundle
	// Cluster is cluster.yaml with its defaults.
	Cluster *cluster.Cluster
	// File is cluster.yaml as it was read; nil if it was not read from a file.
	File *document.Document
	// Tenants are the tenants that live on the cluster.
	Tenants []Tenant
	// Sizing is what follows from the capacity, overrides included; nil leaves out the rules that need it.
	Sizing sizing.Sizing
	// Components are the names of all components, enabled or not; empty leaves out the rules that need them.
	Components []string
}

// Tenant is one tenant of an Input.
type Tenant struct {
	// Resolved has all defaults filled in for the cluster.
	Resolved *tenant.Tenant
	// Written is the tenant as it stands in tenant.yaml.
	Written *tenant.Tenant
	// File is tenant.yaml as it was read; nil if it was not read from a file.
	File *document.Document
}

// Advice is what one rule has to say about one place.
type Advice struct {
	// Rule is the rule's name ("semver-matches").
	Rule string `json:"rule"`
	// Refuse says that nothing may be rendered; otherwise it is a warning.
	Refuse bool `json:"refuse"`
	document.Problem
}

// Info describes a rule for the documentation.
type Info struct {
	// Name is the rule's name.
	Name string `json:"name"`
	// Explains says in one or two sentences what the rule looks for and why.
	Explains string `json:"explains"`
}

type rule struct {
	name, explains string
	check          func(*report)
}

// rules are all rules, grouped by what they look at.
func rules() []rule {
	return slices.Concat(placeRules(), shapeRules(), sourceRules(), capacityRules(), storageRules(), exposureRules(), componentRules(),
		tenantRules(), exporterRules())
}

// Rules describes all rules in the order in which they are applied.
func Rules() []Info {
	all := rules()
	list := make([]Info, 0, len(all))
	for _, r := range all {
		list = append(list, Info{Name: r.name, Explains: r.explains})
	}
	return list
}

// Check applies all rules. The result is in the order of the rules, the same for the same input.
func Check(in Input) []Advice {
	var all []Advice
	for _, rule := range rules() {
		r := &report{Input: in, rule: rule.name}
		rule.check(r)
		all = append(all, r.list...)
	}
	return all
}

// report collects what one rule finds.
type report struct {
	Input
	rule string
	list []Advice
}

// refuse reports something in cluster.yaml that must be changed. hint says what to write instead.
func (r *report) refuse(path, hint, format string, args ...any) {
	r.add(r.File, true, path, hint, fmt.Sprintf(format, args...))
}

// warn reports something in cluster.yaml that is allowed, but risky.
func (r *report) warn(path, hint, format string, args ...any) {
	r.add(r.File, false, path, hint, fmt.Sprintf(format, args...))
}

// refuseTenant is refuse for a tenant's file.
func (r *report) refuseTenant(t Tenant, path, hint, format string, args ...any) {
	r.add(t.File, true, path, hint, fmt.Sprintf("tenant %s: ", t.Resolved.Name)+fmt.Sprintf(format, args...))
}

// warnTenant is warn for a tenant's file.
func (r *report) warnTenant(t Tenant, path, hint, format string, args ...any) {
	r.add(t.File, false, path, hint, fmt.Sprintf("tenant %s: ", t.Resolved.Name)+fmt.Sprintf(format, args...))
}

func (r *report) add(file *document.Document, refuse bool, path, hint, message string) {
	problem := document.Problem{Message: message, Hint: hint}
	switch {
	case file != nil:
		problem = file.Problem(path, message, hint)
	case path != "":
		problem.Message = path + ": " + message
	}
	r.list = append(r.list, Advice{Rule: r.rule, Refuse: refuse, Problem: problem})
}

// onCloud says whether the cluster runs at one of the clouds that bootstrap builds on.
func (r *report) onCloud() bool {
	return r.Cluster.Provider.Name == cluster.AWS || r.Cluster.Provider.Name == cluster.GCP
}

// isSingle says whether Cortex and Loki are one process each.
func (r *report) isSingle() bool { return r.Cluster.Options.Topology == cluster.SingleBinary }
