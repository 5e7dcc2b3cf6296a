package alerting

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/alertmanager/config"
	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/generator/document"
)

// routes finds names that routes use and nothing defines: all of them, where Alertmanager's parser stops at the first.
func (t *text) routes() {
	known := names(t.root, "receivers")
	intervals := names(t.root, "time_intervals", "mute_time_intervals")
	if route := field(t.root, "route"); route != nil {
		t.route(route, known, intervals)
	}
}

func (t *text) route(node *yaml.Node, receivers, intervals []string) {
	if receiver := field(node, "receiver"); receiver != nil {
		t.defined(receiver, receivers, "receiver")
	}
	for _, list := range []string{"mute_time_intervals", "active_time_intervals"} {
		for _, interval := range items(field(node, list)) {
			t.defined(interval, intervals, "time interval")
		}
	}
	for _, child := range items(field(node, "routes")) {
		t.route(child, receivers, intervals)
	}
}

func (t *text) defined(name *yaml.Node, known []string, what string) {
	switch near := document.Nearest(name.Value, known); {
	case name.Value == "" || slices.Contains(known, name.Value):
	case near != "":
		t.fail(name, "", "there is no %s %q; did you mean %q?", what, name.Value, near)
	case len(known) == 0:
		t.fail(name, "Add it under "+strings.ReplaceAll(what, " ", "_")+"s.", "there is no %s %q", what, name.Value)
	default:
		t.fail(name, "There are: "+strings.Join(known, ", ")+".", "there is no %s %q", what, name.Value)
	}
}

// receivers warns about receivers that are never called, and about alerts that call nobody.
func (t *text) receivers(parsed *config.Config) {
	used := map[string]bool{}
	usedBy(parsed.Route, used)
	for _, item := range items(field(t.root, "receivers")) {
		name := field(item, "name")
		if name == nil {
			continue
		}
		switch {
		case !used[name.Value]:
			t.warn(name, "Name it in a route, or leave it out.", "receiver %q is in no route", name.Value)
		case name.Value == parsed.Route.Receiver && len(integrations(parsed, name.Value)) == 0:
			t.warn(name, "Let the root's receiver call somebody: it takes what no route was written for.",
				"alerts that no route takes go to receiver %q, which calls nobody", name.Value)
		}
	}
}

func usedBy(route *config.Route, used map[string]bool) {
	used[route.Receiver] = true
	for _, child := range route.Routes {
		usedBy(child, used)
	}
}

// integrations are the kinds of notification of a receiver, from the names of its fields ("slack_configs").
func integrations(parsed *config.Config, receiver string) []string {
	kinds := []string{}
	for i := range parsed.Receivers {
		if parsed.Receivers[i].Name != receiver {
			continue
		}
		v := reflect.ValueOf(parsed.Receivers[i])
		for f := range v.NumField() {
			if v.Field(f).Kind() == reflect.Slice && v.Field(f).Len() > 0 {
				name, _, _ := strings.Cut(v.Type().Field(f).Tag.Get("yaml"), ",")
				kinds = append(kinds, strings.TrimSuffix(name, "_configs"))
			}
		}
	}
	return kinds
}

// names are the names of all entries of some lists at the top of the file.
func names(root *yaml.Node, lists ...string) []string {
	found := map[string]bool{}
	for _, list := range lists {
		for _, item := range items(field(root, list)) {
			if name := field(item, "name"); name != nil {
				found[name.Value] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// field is a value of a mapping, aliases followed; nil where there is none.
func field(node *yaml.Node, name string) *yaml.Node {
	node = resolved(node)
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return resolved(node.Content[i+1])
		}
	}
	return nil
}

// items are the entries of a list; none where it is no list.
func items(node *yaml.Node) []*yaml.Node {
	if node == nil || node.Kind != yaml.SequenceNode {
		return nil
	}
	return node.Content
}

func resolved(node *yaml.Node) *yaml.Node {
	for node != nil && node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}
