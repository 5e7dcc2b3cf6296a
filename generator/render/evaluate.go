package render

import (
	"encoding/json"
	"fmt"
	"maps"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/opsgen/opsgen/generator/chart"
	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/generator/object"
)

// evaluate makes a unit's objects as the bases give them.
func (u *unit) evaluate(s *session, evaluator *jsonnet.Evaluator) (objects []object.Object, dropped []string, err error) {
	for _, p := range u.parts {
		text, err := evaluator.Evaluate(p.file, u.arguments, p.component.Sources)
		if err != nil {
			return nil, nil, err
		}
		var made []object.Object
		if p.chart {
			var hooks []string
			made, hooks, err = u.renderChart(s, p, text)
			dropped = append(dropped, hooks...)
		} else {
			made, err = decodeObjects(text, p.file)
		}
		if err != nil {
			return nil, nil, err
		}
		for _, o := range made {
			u.label(o, p.component.Name)
		}
		objects = append(objects, made...)
	}
	return objects, dropped, nil
}

// decodeObjects flattens what a base yielded, nested lists and nulls included, into objects.
func decodeObjects(text []byte, file string) ([]object.Object, error) {
	var value any
	if err := utiljson.Unmarshal(text, &value); err != nil {
		return nil, fmt.Errorf("%s: read the result: %w", file, err)
	}
	var objects []object.Object
	if err := flatten(value, file, &objects); err != nil {
		return nil, err
	}
	return objects, nil
}

func flatten(value any, file string, into *[]object.Object) error {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		for _, item := range v {
			if err := flatten(item, file, into); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		o := object.New(v, file)
		if o.GetAPIVersion() == "" || o.GetKind() == "" || o.GetName() == "" {
			return fmt.Errorf("%s: an object has no apiVersion, kind or metadata.name: %s", file, excerpt(v))
		}
		*into = append(*into, o)
		return nil
	default:
		return fmt.Errorf("%s: yields %s; write a list of objects", file, excerpt(v))
	}
}

func excerpt(value any) string {
	const longest = 120
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%T", value)
	}
	if len(text) > longest {
		return string(text[:longest]) + "…"
	}
	return string(text)
}

// renderChart renders the component's chart with the values that its chart.jsonnet gives and the cluster overrides.
func (u *unit) renderChart(s *session, p part, text []byte) ([]object.Object, []string, error) {
	settings := p.component.Chart
	if settings == nil {
		return nil, nil, fmt.Errorf("%s: component.yaml beside it has no chart; name its source and path there", p.file)
	}
	var yielded any
	if err := utiljson.Unmarshal(text, &yielded); err != nil {
		return nil, nil, fmt.Errorf("%s: read the result: %w", p.file, err)
	}
	values, ok := yielded.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("%s: yields %s; write an object with Helm values", p.file, excerpt(yielded))
	}
	values = merge(values, u.plan.Cluster.Components[p.component.Name].Values)
	tree, err := s.sources.open(settings.Source)
	if err != nil {
		return nil, nil, err
	}
	rendered, err := s.charts.Render(chart.Request{
		FS: tree.FS(), Sum: tree.Sum(), Path: settings.Path, Version: s.bundle.Sources[settings.Source].Version,
		Release: p.component.Name, Namespace: p.component.Namespace, Values: values,
		KubernetesVersion: u.plan.Kubernetes, KeepHooks: settings.Hooks, AllowFunctions: settings.AllowFunctions,
		Origin: settings.Source,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.file, err)
	}
	return rendered.Objects, rendered.Dropped, nil
}

// merge lays over on top of base, map by map; everything that is not a map is replaced.
func merge(base, over map[string]any) map[string]any {
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range over {
		below, isMap := merged[key].(map[string]any)
		above, isMapToo := value.(map[string]any)
		if isMap && isMapToo {
			value = merge(below, above)
		}
		merged[key] = value
	}
	return merged
}
