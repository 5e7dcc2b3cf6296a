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
			limits, ok := arguments[0].(map[string]any)
			groups, alsoOK := arguments[1].(map[string]any)
			if !ok || !alsoOK {
				return nil, fmt.Errorf("overrides wants two objects, and got %T and %T", arguments[0], arguments[1])
			}
			return overridesText(limits, groups)
		},
	}
}

// maxOverrides is how long the text may be, in bytes. A ConfigMap holds 1 MiB, and the check of objects refuses a little
// less (generator/check/schema); as JSON the text is a little longer.
const maxOverrides = 980 << 10

// piece is a part of a tenant's limits that other tenants may have too.
type piece struct {
	anchor, text string
	names        []any
}

func overridesText(limits, groups map[string]any) (string, error) {
	uses := map[string]int{}
	pieces := map[string][]piece{}
	for id, value := range limits {
		own, ok := value.(map[string]any)
		if !ok {
			return "", fmt.Errorf("the limits of %q are no object", id)
		}
		for _, group := range slices.Sorted(maps.Keys(groups)) {
			p, complete, err := newPiece(group, groups[group], own)
			if err != nil {
				return "", err
			}
			if complete {
				pieces[id] = append(pieces[id], p)
				uses[p.anchor]++
			}
		}
	}
	var lines strings.Builder
	// The first tenant writes what is shared, since YAML knows an anchor only after its place.
	written := map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(limits)) {
		own := maps.Clone(limits[id].(map[string]any))
		var fields []string
		for _, p := range pieces[id] {
			text, known := written[p.anchor]
			switch {
			case uses[p.anchor] < 2:
				continue
			case !known:
				written[p.anchor] = p.text
				fields = append(fields, "&"+p.anchor+" "+p.text)
			case text == p.text:
				fields = append(fields, "*"+p.anchor)
			default: // not what the others have: they must not get each other's values
				continue
			}
			for _, name := range p.names {
				delete(own, name.(string))
			}
		}
		if len(fields) > 0 {
			// The merge stands first: what is written behind it counts more.
			fields = []string{"<<: [" + strings.Join(fields, ",") + "]"}
		}
		rest, err := flow(own)
		if err != nil {
			return "", err
		}
		if fields = append(fields, rest...); len(fields) > 0 {
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

// newPiece is what a group makes of a tenant's limits, unless the tenant lacks one of the group.
func newPiece(group string, list any, own map[string]any) (p piece, complete bool, err error) {
	names, ok := list.([]any)
	if !ok || len(names) == 0 {
		return piece{}, false, fmt.Errorf("the group %q is no list of limits", group)
	}
	values := map[string]any{}
	for _, name := range names {
		text, _ := name.(string)
		value, found := own[text]
		if !found {
			return piece{}, false, nil
		}
		values[text] = value
	}
	fields, err := flow(values)
	if err != nil {
		return piece{}, false, err
	}
	first, err := scalar(values[names[0].(string)])
	return piece{anchor: anchorOf(group, first), text: "{" + strings.Join(fields, ", ") + "}", names: names}, true, err
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
