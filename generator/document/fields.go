package document

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// field is one field that can be written in a file.
type field struct {
	index    int
	required bool
	// allowed are the only values of an enumeration; empty for all others.
	allowed []string
}

// fieldsOf are the fields of a struct by the names that people write.
func fieldsOf(t reflect.Type) map[string]field {
	fields := map[string]field{}
	for i := range t.NumField() {
		f := t.Field(i)
		fieldName, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		tags := strings.Split(f.Tag.Get("jsonschema"), ",")
		if fieldName == "" || fieldName == "-" || slices.Contains(tags, "-") {
			continue
		}
		known := field{index: i, required: slices.Contains(tags, "required")}
		for _, tag := range tags {
			if value, found := strings.CutPrefix(tag, "enum="); found {
				known.allowed = append(known.allowed, value)
			}
		}
		fields[fieldName] = known
	}
	return fields
}

// fieldNames are the names of fieldsOf in the order of the struct.
func fieldNames(t reflect.Type) []string {
	fields := fieldsOf(t)
	names := make([]string, 0, len(fields))
	for fieldName := range fields {
		names = append(names, fieldName)
	}
	slices.SortFunc(names, func(a, b string) int { return fields[a].index - fields[b].index })
	return names
}

// Nearest is the candidate that word was most likely meant to be, or "" when none is close: at most a third of the
// letters differ, or only their case.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", len(word)/3+1
	if len(word) > 2 && bestDistance < 2 {
		bestDistance = 2
	}
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(candidate)); d < bestDistance || d == 0 {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// Suggest is the hint for a name that is not known: the one that was most likely meant, or all of them after their
// introduction ("Clusters are: "). Without any known name there is nothing to suggest.
func Suggest(word string, known []string, introduction string) string {
	if near := Nearest(word, known); near != "" {
		return fmt.Sprintf("Did you mean %q?", near)
	}
	if len(known) == 0 {
		return ""
	}
	return introduction + strings.Join(known, ", ") + "."
}

// distance is the Levenshtein distance in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := previous
			if a[i] != b[j] {
				cost = 1 + min(previous, row[j], row[j+1])
			}
			previous, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
