package importer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	sigsyaml "sigs.k8s.io/yaml"
)

// maxNesting bounds lists of lists of objects.
const maxNesting = 4

// file reads one file: documents of YAML, or JSON.
func (r *reader) file(f input) {
	info, err := os.Stat(f.name)
	switch {
	case err != nil:
		r.leave(f.shown, "it cannot be read")
		return
	case !info.Mode().IsRegular():
		r.leave(f.shown, "it is not a regular file")
		return
	case info.Size() > maxInput:
		r.leave(f.shown, "it has %d bytes; at most %d are read", info.Size(), maxInput)
		return
	}
	data, err := os.ReadFile(f.name)
	switch {
	case err != nil:
		r.leave(f.shown, "it cannot be read")
	case !utf8.Valid(data):
		r.leave(f.shown, "it is not UTF-8 text")
	case path.Ext(f.shown) == ".tmpl":
		r.template(f.shown, path.Base(f.shown), string(data))
	default:
		r.documents(f.shown, data)
	}
}

// helm is a template of Helm, and not one of Prometheus or Alertmanager, which stand in quotes or blocks.
var helm = regexp.MustCompile(`(?m)^\s*\{\{-?\s|\{\{-?\s*(\.Values|\.Release|\.Chart|include |template |toYaml |if |range |with |end\b)|\{\{` + "`")

func (r *reader) documents(shown string, data []byte) {
	texts, err := split(data)
	if isJSON(data) {
		texts, err = [][]byte{data}, nil
	}
	if err != nil {
		if helm.Match(data) {
			r.leave(shown, "it is a template of Helm; render the chart (helm template …) and import the result")
		} else {
			r.leave(shown, "not valid YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		return
	}
	for i, text := range texts {
		from := shown
		if len(texts) > 1 {
			from = fmt.Sprintf("%s, document %d", shown, i+1)
		}
		object, err := decode(text)
		if err != nil {
			r.leave(from, "%s", err)
			continue
		}
		if object == nil && path.Ext(shown) == ".json" {
			r.leave(from, "it is no JSON object, as a dashboard is")
			continue
		}
		if object == nil {
			continue // an empty document, or values of something else
		}
		r.object(source{shown: from, file: shown, text: string(text), whole: len(texts) == 1}, object, 0)
	}
}

// isJSON tells JSON from YAML, which takes most of JSON, but no tabs.
func isJSON(data []byte) bool {
	start := bytes.TrimSpace(data)
	return len(start) > 0 && start[0] == '{' && json.Valid(start)
}

// decode reads one object; it is nil where the text is something else.
func decode(text []byte) (map[string]any, error) {
	var value any
	var err error
	if isJSON(text) {
		err = json.Unmarshal(text, &value)
	} else {
		err = sigsyaml.UnmarshalStrict(text, &value)
	}
	if err != nil {
		message := strings.ReplaceAll(err.Error(), "\n", " ")
		for _, prefix := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors: "} {
			message = strings.TrimPrefix(strings.TrimSpace(message), prefix)
		}
		return nil, fmt.Errorf("not valid YAML: %s", message)
	}
	object, _ := value.(map[string]any)
	return object, nil
}

// split cuts a file into its documents, as text. Aliases are bounded by the decoder.
func split(data []byte) ([][]byte, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var nodes []yaml.Node
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	if len(nodes) == 1 {
		return [][]byte{data}, nil
	}
	var texts [][]byte
	for i := range nodes {
		text, err := yaml.Marshal(&nodes[i])
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// source is where an object stands.
type source struct {
	shown, file, text string
	// whole says that the text is all of the file.
	whole bool
}

func (r *reader) object(s source, o map[string]any, depth int) {
	kind, _ := o["kind"].(string)
	if items, ok := o["items"].([]any); ok && strings.HasSuffix(kind, "List") && depth < maxNesting {
		for _, item := range items {
			if inner, ok := item.(map[string]any); ok {
				r.object(source{shown: s.shown, file: s.file}, inner, depth+1)
			}
		}
		return
	}
	s.shown = strings.TrimSpace(s.shown + " " + objectName(kind, o))
	switch kind {
	case "PrometheusRule":
		r.prometheusRule(s, o)
	case "ConfigMap":
		r.configMap(s, o)
	case "Secret":
		r.secret(s, o)
	case "AlertmanagerConfig":
		r.leave(s.shown, "its routes and receivers are the operator's own notation; write them into alertmanager.yaml")
	case "GrafanaDashboard":
		r.leave(s.shown, "it is an object of the Grafana operator; import the JSON of its spec")
	case "":
		r.plain(s, o)
	default:
		r.Other[kind]++
	}
}

// plain takes what is no Kubernetes object: a rule file, an Alertmanager configuration, a dashboard.
func (r *reader) plain(s source, o map[string]any) {
	switch {
	case o["groups"] != nil:
		r.ruleFile(s, o)
	case o["route"] != nil && o["receivers"] != nil:
		r.configurations = append(r.configurations, configuration{from: s.shown, text: s.text})
	case isDashboard(o):
		r.dashboard(s.shown, strings.TrimSuffix(path.Base(s.file), path.Ext(s.file)), folderOf(s.file), s.text, o)
	}
}

func objectName(kind string, o map[string]any) string {
	if kind == "" {
		return ""
	}
	name, namespace := metadata(o, "name"), metadata(o, "namespace")
	if namespace != "" {
		name = namespace + "/" + name
	}
	return strings.TrimSpace(kind + " " + name)
}

func metadata(o map[string]any, field string) string {
	m, _ := o["metadata"].(map[string]any)
	text, _ := m[field].(string)
	return text
}

func marks(o map[string]any, field string) map[string]any {
	m, _ := o["metadata"].(map[string]any)
	values, _ := m[field].(map[string]any)
	return values
}

// configMap takes dashboards and rule files out of a ConfigMap.
func (r *reader) configMap(s source, o map[string]any) {
	data, _ := o["data"].(map[string]any)
	folder, _ := marks(o, "annotations")["grafana_folder"].(string)
	_, logs := marks(o, "labels")["loki_rule"]
	took := false
	for _, key := range slices.Sorted(maps.Keys(data)) {
		text, _ := data[key].(string)
		inner, err := decode([]byte(text))
		if err != nil || inner == nil {
			if strings.HasSuffix(key, ".json") || logs {
				r.leave(s.shown+" "+key, "it is neither JSON nor YAML")
			}
			continue
		}
		from := source{shown: s.shown + " " + key, file: key, text: text, whole: true}
		switch {
		case isDashboard(inner):
			r.dashboard(from.shown, strings.TrimSuffix(key, path.Ext(key)), folder, text, inner)
		case inner["groups"] != nil && logs:
			r.logRules(from, inner)
		case inner["groups"] != nil:
			r.ruleFile(from, inner)
		case inner["route"] != nil && inner["receivers"] != nil:
			r.configurations = append(r.configurations, configuration{from: from.shown, text: text})
		default:
			continue
		}
		took = true
	}
	if !took {
		r.Other["ConfigMap"]++
	}
}

// secret takes an Alertmanager's configuration out of a Secret. Of all other Secrets not even the keys are looked at.
func (r *reader) secret(s source, o map[string]any) {
	values := map[string]string{}
	plain, _ := o["stringData"].(map[string]any)
	for key, value := range plain {
		values[key], _ = value.(string)
	}
	encoded, _ := o["data"].(map[string]any)
	for key, value := range encoded {
		text, _ := value.(string)
		if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
			values[key] = string(decoded)
		}
	}
	text, ok := values["alertmanager.yaml"]
	if !ok {
		if _, packed := values["alertmanager.yaml.gz"]; packed {
			r.leave(s.shown, "its configuration is packed (alertmanager.yaml.gz); import the Secret that the operator made it from, or the unpacked file")
			return
		}
		r.Other["Secret"]++
		return
	}
	r.configurations = append(r.configurations, configuration{from: s.shown, text: text})
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if strings.HasSuffix(key, ".tmpl") {
			r.template(s.shown+" "+key, key, values[key])
		}
	}
}
