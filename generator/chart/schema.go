package chart

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	helm "helm.sh/helm/v3/pkg/chart"
)

// withoutRemoteSchemas takes away schemas that Helm would have to fetch parts of: a render asks no network. It reports
// what is not checked then.
func withoutRemoteSchemas(chart *helm.Chart) []string {
	var reports []string
	if address := remoteReference(chart.Schema); address != "" {
		chart.Schema = nil
		reports = append(reports, fmt.Sprintf("values of %s are not checked: its values.schema.json refers to %s, which is not fetched", chart.Name(), address))
	}
	for _, dependency := range chart.Dependencies() {
		reports = append(reports, withoutRemoteSchemas(dependency)...)
	}
	return reports
}

// remoteReference is the first "$ref" that leaves the schema; empty when there is none.
func remoteReference(schema []byte) string {
	var content any
	// A schema that is not JSON is Helm's to complain about.
	if len(schema) == 0 || json.Unmarshal(schema, &content) != nil {
		return ""
	}
	return findReference(content)
}

func findReference(node any) string {
	switch node := node.(type) {
	case map[string]any:
		if reference, ok := node["$ref"].(string); ok && reference != "" && !strings.HasPrefix(reference, "#") {
			return reference
		}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if found := findReference(node[key]); found != "" {
				return found
			}
		}
	case []any:
		for _, item := range node {
			if found := findReference(item); found != "" {
				return found
			}
		}
	}
	return ""
}

// schemaLine is one complaint of the JSON schema library: "- at '/a/b': got string, want number".
var schemaLine = regexp.MustCompile(`^(\s*)- at '([^']*)': (.*)$`)

// schemaError rewrites Helm's message so that it names values as they are written in chart.jsonnet.
func schemaError(err error) error {
	text, found := strings.CutPrefix(err.Error(), "values don't meet the specifications of the schema(s) in the following chart(s):\n")
	if !found {
		return err
	}
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if parts := schemaLine.FindStringSubmatch(line); parts != nil {
			place := strings.ReplaceAll(strings.TrimPrefix(parts[2], "/"), "/", ".")
			if place == "" {
				place = "values"
			}
			line = fmt.Sprintf("  %s%s: %s", parts[1], place, parts[3])
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return errors.New("the values do not fit the chart's values.schema.json; correct them in chart.jsonnet\n  " + strings.Join(lines, "\n  "))
}
