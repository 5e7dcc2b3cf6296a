package check

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/object"
	proxyconfig "github.com/opsgen/opsgen/proxy/config"
	syncerconfig "github.com/opsgen/opsgen/syncer/config"
)

// Keys of ConfigMaps that hold a component's configuration.
const (
	cortexKey  = "cortex.yaml"
	lokiKey    = "loki.yaml"
	grafanaKey = "grafana.ini"
)

// isTeams says that an object holds a tenant's rules or alerting, whose files may have any name: a team's rules of Loki are
// in loki.yaml, which is no configuration of Loki. opsgen validate checks them.
func isTeams(o *object.Object) bool {
	labels := o.GetLabels()
	return labels["opsgen.dev/rules"] != "" || labels["opsgen.dev/alertmanager"] != ""
}

// configuration checks what is inside an object that configures something.
func configuration(s subject, typed runtime.Object, names unitNames) {
	switch o := typed.(type) {
	case *corev1.ConfigMap:
		dashboards(s, o)
		if isTeams(s.object) {
			return
		}
		for _, key := range sortedKeys(o.Data) {
			configFile(s, key, o.Data[key], names)
		}
	case *corev1.Service:
		gossipService(s, o)
	}
	if strings.HasPrefix(s.object.GetAPIVersion(), kustomizationGroup+"/") && s.object.GetKind() == "Kustomization" {
		if _, ok := field(s.object.Object, "spec", "postBuild"); ok {
			s.add(rulePostBuild, "spec.postBuild", "Render the values; use patches/ for a cluster's own.", "variables would be substituted in everything that the Kustomization applies")
		}
	}
}

func configFile(s subject, key, text string, names unitNames) {
	where := dataPath(key)
	switch {
	case key == cortexKey || key == lokiKey:
		c, err := parseSettings(text)
		if err != nil {
			s.add(ruleConfigSyntax, where, "", "cannot be parsed: %v", err)
			return
		}
		c.path = where
		clusterLabel(s, c)
		if key == cortexKey {
			cortex(s, c)
		} else {
			loki(s, c)
		}
	case key == grafanaKey:
		grafana(s, text, where)
	case key == proxyconfig.FileName:
		_, err := proxyconfig.Parse([]byte(text))
		own(s, where, err)
	case key == proxyconfig.TenantsFileName && s.unit.Component == "proxy":
		_, err := proxyconfig.ParseTenants([]byte(text))
		own(s, where, err)
	case key == syncerconfig.FileName:
		_, err := syncerconfig.Parse([]byte(text))
		own(s, where, err)
	case path.Ext(key) == ".json":
		dashboard(s, where, text, names)
	case (path.Ext(key) == ".yaml" || path.Ext(key) == ".yml") && strings.Contains(text, "datasources:"):
		datasources(s, where, text, names)
	}
}

// own reports what our own programs say about their configuration.
func own(s subject, where string, err error) {
	var problems document.Problems
	switch {
	case err == nil:
	case errors.As(err, &problems):
		for _, p := range problems {
			place := where
			if p.Line > 0 {
				place = fmt.Sprintf("%s line %d", where, p.Line)
			}
			s.add(ruleOwnConfig, place, p.Hint, "%s", p.Message)
		}
	default:
		s.add(ruleOwnConfig, where, "", "%v", err)
	}
}

func dataPath(key string) string { return "data[" + key + "]" }

// settings is a configuration file.
type settings struct {
	content map[string]any
	// path is where the file stands in its object.
	path string
}

func parseSettings(text string) (settings, error) {
	content := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		return settings{}, errors.New(strings.TrimPrefix(err.Error(), "error converting YAML to JSON: "))
	}
	return settings{content: content}, nil
}

// get is the value of a setting, nil where it is not written.
func (c settings) get(keys ...string) any {
	value, _ := field(c.content, keys...)
	return value
}

// at is a setting's path in the object.
func (c settings) at(keys ...string) string { return c.path + "." + strings.Join(keys, ".") }

// want reports a setting that is not as it should be; why says what happens otherwise.
func (c settings) want(s subject, rule string, value any, why string, keys ...string) {
	got := c.get(keys...)
	if got == value {
		return
	}
	name := strings.Join(keys, ".")
	s.add(rule, c.at(keys...), fmt.Sprintf("Write %s: %v.", name, value), "%s is %s: %s", name, shown(got), why)
}

// on says that a setting is true.
func on(value any) bool {
	yes, _ := value.(bool)
	return yes
}

func shown(value any) string {
	if value == nil {
		return "not set"
	}
	return fmt.Sprint(value)
}

// walk calls f for every scalar, with its keys.
func (c settings) walk(f func(keys []string, value any)) { walk(c.content, nil, f) }

func walk(value any, keys []string, f func(keys []string, value any)) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			walk(v[key], append(slices.Clone(keys), key), f)
		}
	case []any:
		for i, item := range v {
			walk(item, append(slices.Clone(keys), fmt.Sprint(i)), f)
		}
	default:
		f(keys, value)
	}
}

// field is the value at keys inside nested mappings.
func field(content map[string]any, keys ...string) (any, bool) {
	var value any = content
	for _, key := range keys {
		m, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = m[key]; !ok {
			return nil, false
		}
	}
	return value, true
}

// text is the string at keys, empty where there is none.
func text(content map[string]any, keys ...string) string {
	value, _ := field(content, keys...)
	s, _ := value.(string)
	return s
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
