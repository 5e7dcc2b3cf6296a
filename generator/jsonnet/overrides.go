package jsonnet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	gojsonnet "github.com/google/go-jsonnet"
	"github.com/google/go-jsonnet/ast"
)

// overridesFunction is std.native('overrides')(limits, groups): the text in which Cortex and Loki read the limits of single
// tenants, one line a tenant. What several tenants have alike is written once, with an anchor, and merged by the others:
// Cortex reads one file only, and a ConfigMap holds 1 MiB, so that each byte of a line is one for all of 10,000 tenants.
// It is no Jsonnet, which would take minutes for as many.
//
// limits are objects by the tenants' IDs. groups are the names of limits that are shared together, by the beginning of
// their anchor's name; all of a group follow from its first. Both programs merge anchors with the library that reads the
// file (gopkg.in/yaml.v2 in Cortex 1.21.1, go.yaml.in/yaml/v3 in the dskit of Loki 3.7.8).
func overridesFunction() *gojsonnet.NativeFunction {
	return &gojsonnet.NativeFunction{
		Name:   "overrides",
		Params: ast.Identifiers{"limits", "groups"},
		Func: func(arguments []any) (any, error) {
			limits, err := objects(arguments[0])
			if err != nil {
				return nil, err
			}
			groups, err := lists(arguments[1])
			if err != nil {
				return nil, err
			}
			return overridesText(limits, groups)
		},
	}
}

// objects are the limits by tenant, as Jsonnet gives them.
func objects(value any) (map[string]map[string]any, error) {
	all, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the limits of tenants are no object, but %T", value)
	}
	result := make(map[string]map[string]any, len(all))
	for id, value := range all {
		if result[id], ok = value.(map[string]any); !ok {
			return nil, fmt.Errorf("the limits of %q are no object, but %T", id, value)
		}
	}
	return result, nil
}

// lists are the names of limits by group, as Jsonnet gives them.
func lists(value any) (map[string][]string, error) {
	all, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the groups of limits are no object, but %T", value)
	}
	result := make(map[string][]string, len(all))
	for group, value := range all {
		names, ok := value.([]any)
		if !ok || len(names) == 0 {
			return nil, fmt.Errorf("the group %q is no list of limits", group)
		}
		for _, name := range names {
			result[group] = append(result[group], fmt.Sprint(name))
		}
	}
	return result, nil
}

// maxOverrides is how long the text may be, in bytes. A ConfigMap holds 1 MiB, and the check of objects refuses a little
// less (generator/check/schema); as JSON the text is a little longer.
const maxOverrides = 980 << 10

// piece is a part of a tenant's limits that other tenants may have too.
type piece struct {
	anchor, text string
	names        []string
}

func overridesText(limits map[string]map[string]any, groups map[string][]string) (string, error) {
	pieces, uses := map[string][]piece{}, map[string]int{}
	for id, own := range limits {
		var err error
		if pieces[id], err = piecesOf(own, groups); err != nil {
			return "", err
		}
		for _, p := range pieces[id] {
			uses[p.anchor]++
		}
	}
	var lines strings.Builder
	written := map[string]string{} // what is shared, by anchor
	for _, id := range slices.Sorted(maps.Keys(limits)) {
		fields, err := fieldsOf(limits[id], pieces[id], uses, written)
		if err != nil {
			return "", err
		}
		if len(fields) > 0 {
			lines.WriteString(" " + key(id) + ": {" + strings.Join(fields, ", ") + "}\n")
		}
	}
	if lines.Len() == 0 {
		return "overrides: {}\n", nil
	}
	if lines.Len() > maxOverrides {
		return "", fmt.Errorf("the limits of %d tenants have %d KiB, and no more than %d KiB fit into the one file that is read; "+
			"let more tenants use the cluster's defaults, or the same class and retention, or move some to another cluster",
			strings.Count(lines.String(), "\n"), lines.Len()>>10, maxOverrides>>10)
	}
	return "overrides:\n" + lines.String(), nil
}

// piecesOf are the groups that a tenant has all limits of.
func piecesOf(own map[string]any, groups map[string][]string) ([]piece, error) {
	var pieces []piece
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		names := groups[group]
		values := map[string]any{}
		for _, name := range names {
			if value, found := own[name]; found {
				values[name] = value
			}
		}
		if len(values) < len(names) {
			continue
		}
		fields, err := flow(values)
		if err != nil {
			return nil, err
		}
		first, err := scalar(values[names[0]])
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, piece{anchor: anchorOf(group, first), text: "{" + strings.Join(fields, ", ") + "}", names: names})
	}
	return pieces, nil
}

// fieldsOf are a tenant's limits as its line has them: what it shares, and then the rest.
func fieldsOf(limits map[string]any, pieces []piece, uses map[string]int, written map[string]string) ([]string, error) {
	own := maps.Clone(limits)
	var merged []string
	for _, p := range pieces {
		text, known := written[p.anchor]
		switch {
		case uses[p.anchor] < 2:
			continue
		case !known: // the first one writes it, since YAML knows an anchor only after its place
			written[p.anchor] = p.text
			merged = append(merged, "&"+p.anchor+" "+p.text)
		case text == p.text:
			merged = append(merged, "*"+p.anchor)
		default: // not what the others have: they must not get each other's values
			continue
		}
		for _, name := range p.names {
			delete(own, name)
		}
	}
	rest, err := flow(own)
	if len(merged) == 0 || err != nil {
		return rest, err
	}
	// The merge stands first: what is written behind it counts more.
	return append([]string{"<<: [" + strings.Join(merged, ",") + "]"}, rest...), nil
}

// anchorOf is a name that says what it stands for, so that a new tenant moves no other's line.
func anchorOf(group, value string) string {
	return group + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		case r == '"':
			return -1
		}
		return '_'
	}, value)
}

// plain are keys that YAML cannot take for anything else: its words, such as "false", are shorter.
var plain = regexp.MustCompile(`^[a-z][a-z0-9-]{5,}$`)

func key(id string) string {
	if plain.MatchString(id) {
		return id
	}
	return strconv.Quote(id)
}

// flow are the fields of an object as YAML's flow style has them, sorted.
func flow(values map[string]any) ([]string, error) {
	fields := make([]string, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text, err := scalar(values[name])
		if err != nil {
			return nil, fmt.Errorf("limit %s: %w", name, err)
		}
		fields = append(fields, name+": "+text)
	}
	return fields, nil
}

// scalar is a value in JSON, which is YAML too, whatever the text is.
func scalar(value any) (string, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}
