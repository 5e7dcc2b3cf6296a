package diff

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/object"
)

// item is one object with the place of its file.
type item struct {
	object.Object
	// folder is "<layer>/<unit>", file the name in it.
	folder, file string
	// value is the object's content with the documents in ConfigMaps as structures.
	value map[string]any
}

// maxDocument bounds what is read of one document within a ConfigMap.
const maxDocument = 16 << 20

// readItem reads a rendered file; nil when it holds no object of the cluster, like the kustomization.yaml of a folder.
func readItem(file string, text []byte) (*item, error) {
	content, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	fields, _ := content.(map[string]any)
	o := object.New(fields, "")
	if fields == nil || o.GetKind() == "" || o.GetName() == "" {
		return nil, nil
	}
	return &item{Object: o, folder: path.Dir(file), file: path.Base(file), value: opened(fields)}, nil
}

func decode(text []byte) (any, error) {
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, err
	}
	var value any
	return value, utiljson.Unmarshal(asJSON, &value)
}

// opened is a ConfigMap with its documents as structures, and any other object as it is.
func opened(fields map[string]any) map[string]any {
	if fields["kind"] != "ConfigMap" {
		return fields
	}
	result := maps.Clone(fields)
	if data, ok := fields["data"].(map[string]any); ok {
		documents := map[string]any{}
		for name, value := range data {
			text, _ := value.(string)
			documents[name] = structure(name, text, value)
		}
		result["data"] = documents
	}
	if data, ok := fields["binaryData"].(map[string]any); ok {
		documents := map[string]any{}
		for name, value := range data {
			documents[name] = value
			if text, ok := inflated(value); ok {
				documents[name] = structure(strings.TrimSuffix(name, ".gz"), text, value)
			}
		}
		result["binaryData"] = documents
	}
	return result
}

// structure is what a text stands for, or otherwise what there was.
func structure(name, text string, otherwise any) any {
	if len(text) > maxDocument || !isDocument(name, text) {
		return otherwise
	}
	value, err := decode([]byte(text))
	if err != nil {
		return otherwise
	}
	switch value.(type) {
	case map[string]any, []any:
		return value
	default:
		return otherwise
	}
}

func isDocument(name, text string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json", ".rules":
		return true
	}
	trimmed := strings.TrimSpace(text)
	return strings.HasPrefix(trimmed, "{") && strings.HasSuffix(trimmed, "}")
}

// inflated is the text of a compressed value of binaryData.
func inflated(value any) (string, bool) {
	encoded, _ := value.(string)
	packed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", false
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", false
	}
	// A few bytes can stand for gigabytes.
	text, err := io.ReadAll(io.LimitReader(reader, maxDocument+1))
	return string(text), err == nil && len(text) <= maxDocument
}

// at is what stands at a path of field names; nil where nothing does.
func (i *item) at(steps ...string) any { return at(i.value, steps...) }

func at(value any, steps ...string) any {
	for _, name := range steps {
		fields, _ := value.(map[string]any)
		value = fields[name]
	}
	return value
}

func (i *item) text(steps ...string) string {
	text, _ := i.at(steps...).(string)
	return text
}

// documents are the structures within a ConfigMap, by key.
func (i *item) documents() map[string]any {
	documents := map[string]any{}
	for _, place := range []string{"data", "binaryData"} {
		data, _ := i.at(place).(map[string]any)
		for name, value := range data {
			switch value.(type) {
			case map[string]any, []any:
				documents[name] = value
			}
		}
	}
	return documents
}

// layer is the first part of the folder.
func (i *item) layer() string {
	layer, _, _ := strings.Cut(i.folder, "/")
	return layer
}

// tenantLabel names the tenant that an object of the cluster's folder belongs to.
const tenantLabel = "opsgen.dev/tenant"

// tenant is the tenant that an object is part of; empty for the platform's own.
func (i *item) tenant() string {
	if name, ok := strings.CutPrefix(i.folder, "tenants/"); ok {
		return name
	}
	if !strings.HasPrefix(i.folder, "cluster/tenants-") {
		return ""
	}
	namespace := i.GetNamespace()
	if i.GetKind() == "Namespace" {
		namespace = i.GetName()
	}
	if name := i.GetLabels()[tenantLabel]; name != "" {
		return name
	}
	name, _ := strings.CutPrefix(namespace, "tenant-")
	return name
}

// group is where a reader looks for the object: its tenant, or layer and component.
func (i *item) group() string {
	if name := i.tenant(); name != "" {
		return "tenants/" + name
	}
	component := i.GetLabels()["app.kubernetes.io/name"]
	if component == "" {
		_, component, _ = strings.Cut(i.folder, "/")
	}
	if component == "" {
		return i.layer()
	}
	return i.layer() + "/" + component
}
