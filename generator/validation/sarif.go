package validation

import (
	"encoding/json"
	"io"
	"net/url"
)

// The part of SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format) that a list of findings needs.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool sarifTool `json:"tool"`
	// ColumnKind says in what columns are counted.
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name  string      `json:"name"`
	Rules []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string       `json:"id"`
	ShortDescription sarifMessage `json:"shortDescription"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifMessage    `json:"message"`
	Locations []sarifLocation `json:"locations,omitempty"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
}

// topics are what findings are about, with what is checked.
func topics() []sarifRule {
	return []sarifRule{
		{Inputs, sarifMessage{"versions.yaml, cluster.yaml, component.yaml and tenant.yaml can be read, and fit each other."}},
		{Advice, sarifMessage{"Clusters and tenants are set up as they are hardly meant not to be, and limits fit the capacity."}},
		{Rules, sarifMessage{"Rules can be parsed, and do what their author wants."}},
		{Tests, sarifMessage{"Tests of rules pass, and each alert is made to fire by one."}},
		{Alerting, sarifMessage{"Alertmanager and Cortex take the configuration, and alerts reach somebody."}},
		{Dashboards, sarifMessage{"Grafana loads the dashboards, and their queries can be parsed."}},
		{Secrets, sarifMessage{"No secret is in Git."}},
	}
}

// SARIF writes the report for programs that show findings of many tools.
func (r *Report) SARIF(out io.Writer) error {
	rules := topics()
	index := map[string]int{}
	for i, rule := range rules {
		index[rule.ID] = i
	}
	run := sarifRun{Tool: sarifTool{sarifDriver{"opsgen", rules}}, ColumnKind: "utf16CodeUnits", Results: []sarifResult{}}
	for _, f := range r.Findings {
		result := sarifResult{RuleID: f.About, RuleIndex: index[f.About], Level: f.Severity, Message: sarifMessage{f.full()}}
		if f.File != "" {
			location := sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: f.File}).String()}} // a name may have what no URI has
			if f.Line > 0 {
				location.Region = &sarifRegion{f.Line, f.Column}
			}
			result.Locations = []sarifLocation{{location}}
		}
		run.Results = append(run.Results, result)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}
