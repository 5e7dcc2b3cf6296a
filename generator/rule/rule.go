package rule

import (
	"cmp"

	"github.com/prometheus/common/model"

	"github.com/opsgen/opsgen/generator/alerting"
)

// Group is a list of rules that are evaluated one after the other.
type Group struct {
	// File is the path as it is shown to the user.
	File string `json:"file"`
	// Name is unique in its file.
	Name string `json:"name"`
	// Interval is the time between evaluations; 0 is the ruler's default.
	Interval model.Duration `json:"interval,omitempty"`
	// Rules are in the order of the file.
	Rules []Rule `json:"rules"`
	// Line and Column are the place of the group's name, from 1.
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Rule is one alerting rule (Alert is set) or one recording rule (Record is set).
type Rule struct {
	Alert         string            `json:"alert,omitempty"`
	Record        string            `json:"record,omitempty"`
	Expr          string            `json:"expr"`
	For           model.Duration    `json:"for,omitempty"`
	KeepFiringFor model.Duration    `json:"keepFiringFor,omitempty"`
	Labels        map[string]string `json:"labels,omitempty"` // with those of the group
	Annotations   map[string]string `json:"annotations,omitempty"`
	// Line and Column are the place of the expression, from 1.
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Name is what the rule is called: the alert's name or the recorded series'.
func (r Rule) Name() string {
	if r.Alert != "" {
		return r.Alert
	}
	return r.Record
}

// Options are what else is known about the tenant whose rules are read.
type Options struct {
	// Alerting is the tenant's Alertmanager configuration; nil where it has none, and then routes are not checked.
	Alerting *alerting.Config
	// MaxRules is the most rules in a group that the cluster's ruler takes; 0 is the bundle's limit of Cortex.
	MaxRules int
	// MaxGroups is the most groups of one tenant that the cluster's ruler takes; 0 is the bundle's limit of Cortex.
	MaxGroups int
}

// The bundle's limits (bases/cortex/limits.libsonnet: ruler_max_rules_per_rule_group, ruler_max_rule_groups_per_tenant).
const (
	maxRules  = 200
	maxGroups = 500
)

func (o Options) mostRules() int { return cmp.Or(o.MaxRules, maxRules) }

func (o Options) mostGroups() int { return cmp.Or(o.MaxGroups, maxGroups) }
