package diff

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Field is one place that differs within an object.
type Field struct {
	// Path is where it is: "spec.replicas", "spec.template.spec.containers[cortex].image", and within a ConfigMap
	// "data[cortex.yaml].limits.ingestion_rate". Items of a list are named by what identifies them, or by their number.
	Path string `json:"path"`
	// Old and New are the values; nil where there is none.
	Old any `json:"old,omitempty"`
	New any `json:"new,omitempty"`
}

// compareValues lists where two JSON values differ.
func compareValues(old, current any) []Field {
	var c comparison
	c.values("", old, current)
	return c.fields
}

type comparison struct{ fields []Field }

func (c *comparison) add(path string, old, current any) {
	c.fields = append(c.fields, Field{Path: path, Old: old, New: current})
}

func (c *comparison) values(path string, old, current any) {
	switch a := old.(type) {
	case map[string]any:
		if b, ok := current.(map[string]any); ok {
			c.maps(path, a, b)
			return
		}
	case []any:
		if b, ok := current.([]any); ok {
			c.lists(path, a, b)
			return
		}
	case string:
		if b, ok := current.(string); ok && a != b && isText(a) && isText(b) {
			c.texts(path, a, b)
			return
		}
	}
	if !equal(old, current) {
		c.add(path, old, current)
	}
}

func (c *comparison) maps(path string, old, current map[string]any) {
	names := slices.Collect(maps.Keys(old))
	for name := range current {
		if _, both := old[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.values(step(path, name), old[name], current[name])
	}
}

// step is the path of a field. Names that hold the path's own characters stand in brackets.
func step(path, name string) string {
	if strings.ContainsAny(name, ".[]/ ") || name == "" {
		return path + "[" + name + "]"
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// equal treats 1 and 1.0 as the same: YAML and JSON do.
func equal(a, b any) bool {
	x, isX := number(a)
	y, isY := number(b)
	if isX && isY {
		return x == y
	}
	return reflect.DeepEqual(a, b)
}

func number(value any) (float64, bool) {
	switch n := value.(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	default:
		return 0, false
	}
}

// isText says that a string is read line by line.
func isText(s string) bool { return strings.Contains(strings.TrimSpace(s), "\n") }

func (c *comparison) texts(path, old, current string) {
	a, b := lines(old), lines(current)
	for _, p := range pairs(a, b) {
		switch {
		case p.old < 0:
			c.add(fmt.Sprintf("%s line %d", path, p.new+1), nil, b[p.new])
		case p.new < 0:
			c.add(fmt.Sprintf("%s line %d", path, p.old+1), a[p.old], nil)
		default:
			c.add(fmt.Sprintf("%s line %d", path, p.new+1), a[p.old], b[p.new])
		}
	}
}

func lines(text string) []any {
	parts := strings.Split(strings.TrimRight(text, "\n"), "\n")
	list := make([]any, len(parts))
	for i, part := range parts {
		list[i] = part
	}
	return list
}

func (c *comparison) lists(path string, old, current []any) {
	before, okBefore := identities(old)
	after, okAfter := identities(current)
	if !okBefore || !okAfter {
		c.numbered(path, old, current)
		return
	}
	byName := map[string]int{}
	for i, name := range after {
		byName[name] = i
	}
	var common, order []string
	for i, name := range before {
		j, stays := byName[name]
		if !stays {
			c.add(path+"["+name+"]", value(old[i]), nil)
			continue
		}
		common = append(common, name)
		c.values(path+"["+name+"]", value(old[i]), value(current[j]))
	}
	for j, name := range after {
		if !slices.Contains(before, name) {
			c.add(path+"["+name+"]", nil, value(current[j]))
		} else {
			order = append(order, name)
		}
	}
	// The order of arguments or containers means nothing, that of rules and routes does.
	if !slices.Equal(common, order) {
		c.add(path+" order", strings.Join(common, ", "), strings.Join(order, ", "))
	}
}

// identifying are the fields that tell the items of a list apart, the first that does in all of them.
var identifying = [][]string{
	{"name"},
	{"alert"},
	{"record"},
	{"uid"},
	{"id"},
	{"key"},
	{"mountPath"},
	{"containerPort"},
	{"port", "protocol"},
	{"receiver", "matchers"},
	{"title"},
	{"refId"},
	{"topologyKey", "labelSelector"},
}

// identities name the items of a list, if each has a name of its own.
func identities(list []any) ([]string, bool) {
	if names, ok := flagNames(list); ok {
		return names, unique(names)
	}
	for _, fields := range identifying {
		names := make([]string, 0, len(list))
		for _, item := range list {
			m, isMap := item.(map[string]any)
			if !isMap {
				return nil, false
			}
			if name := identity(m, fields); name != "" {
				names = append(names, name)
			}
		}
		if len(names) == len(list) && unique(names) {
			return names, true
		}
	}
	return mixedRules(list)
}

// mixedRules names the items of a list with alerts and recordings.
func mixedRules(list []any) ([]string, bool) {
	names := make([]string, 0, len(list))
	for _, item := range list {
		m, _ := item.(map[string]any)
		name := cmp.Or(identity(m, []string{"alert"}), identity(m, []string{"record"}))
		if name == "" {
			return nil, false
		}
		names = append(names, name)
	}
	return names, unique(names)
}

func identity(item map[string]any, fields []string) string {
	var parts []string
	for _, field := range fields {
		if value, ok := item[field]; ok {
			parts = append(parts, short(value))
		}
	}
	if _, ok := item[fields[0]]; !ok {
		return ""
	}
	return strings.Join(parts, " ")
}

// value is what follows a flag in an argument; anything else is its own value.
func value(item any) any {
	text, isText := item.(string)
	if name, rest, ok := strings.Cut(text, "="); isText && ok && strings.HasPrefix(name, "-") {
		return rest
	}
	return item
}

// flagNames name arguments such as "-target=ingester" by their flag.
func flagNames(list []any) ([]string, bool) {
	names := make([]string, 0, len(list))
	for _, item := range list {
		text, isText := item.(string)
		if !isText || !strings.HasPrefix(text, "-") {
			return nil, false
		}
		name, _, _ := strings.Cut(text, "=")
		names = append(names, name)
	}
	return names, true
}

func unique(names []string) bool {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			return false
		}
		seen[name] = true
	}
	return true
}

// numbered compares lists whose items have no names: equal items are matched, others are compared where they stand.
func (c *comparison) numbered(path string, old, current []any) {
	for _, p := range pairs(old, current) {
		switch {
		case p.old < 0:
			c.add(path+"["+strconv.Itoa(p.new)+"]", nil, current[p.new])
		case p.new < 0:
			c.add(path+"["+strconv.Itoa(p.old)+"]", old[p.old], nil)
		default:
			c.values(path+"["+strconv.Itoa(p.new)+"]", old[p.old], current[p.new])
		}
	}
}
