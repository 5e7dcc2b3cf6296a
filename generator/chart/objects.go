package chart

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/object"
)

const (
	hookAnnotation       = "helm.sh/hook"
	hookAnnotationPrefix = "helm.sh/hook-"
)

// reader turns manifests into objects.
type reader struct {
	request Request
	objects []object.Object
	dropped []string
	// hooks are all hooks that the chart made, kept those that were asked for.
	hooks, kept []string
}

// readObjects reads all manifests, in the order of their files.
func readObjects(request Request, chartName string, manifests map[string]string) ([]object.Object, []string, error) {
	r := reader{request: request}
	for _, file := range slices.Sorted(maps.Keys(manifests)) {
		template := strings.TrimPrefix(file, chartName+"/")
		if err := r.file(template, manifests[file]); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", template, err)
		}
	}
	for _, wanted := range request.KeepHooks {
		if !slices.Contains(r.kept, wanted) {
			have := "it has none"
			if len(r.hooks) > 0 {
				have = "they are " + strings.Join(r.hooks, ", ")
			}
			return nil, nil, fmt.Errorf("chart.hooks of component.yaml names %s, which is no hook of this chart with these values; %s", wanted, have)
		}
	}
	return r.objects, r.dropped, nil
}

func (r *reader) file(template, text string) error {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for n := 1; ; n++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
		content, err := decode(document)
		if err != nil {
			return fmt.Errorf("document %d is not valid YAML: %w", n, err)
		}
		if err := r.content(template, content); err != nil {
			return fmt.Errorf("document %d: %w", n, err)
		}
	}
}

// decode reads one YAML document into JSON types with whole numbers as int64; nil for an empty one.
func decode(document []byte) (map[string]any, error) {
	document = bytes.TrimPrefix(bytes.TrimLeft(document, "\n"), []byte("---\n"))
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, showPlace(err, document)
	}
	if bytes.Equal(text, []byte("null")) {
		return nil, nil
	}
	var content map[string]any
	if err := utiljson.Unmarshal(text, &content); err != nil {
		return nil, errors.New("it is not a mapping")
	}
	return content, nil
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// showPlace adds the lines around the mistake: they are nowhere else to be seen, as the text was generated.
func showPlace(err error, document []byte) error {
	found := yamlLine.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	number, convertErr := strconv.Atoi(found[1])
	if convertErr != nil {
		return err
	}
	const around = 2
	lines := strings.Split(string(document), "\n")
	var b strings.Builder
	for n := max(1, number-around); n <= min(len(lines), number+around); n++ {
		fmt.Fprintf(&b, "\n  %4d | %s", n, lines[n-1])
	}
	return fmt.Errorf("%w; the chart made%s", err, b.String())
}

// content takes one document over, or the items of a list.
func (r *reader) content(template string, content map[string]any) error {
	if len(content) == 0 {
		return nil
	}
	o := object.New(content, path.Join(r.request.Origin, r.request.Path, template))
	if items, isList := content["items"].([]any); isList && strings.HasSuffix(o.GetKind(), "List") {
		for _, item := range items {
			mapping, ok := item.(map[string]any)
			if !ok {
				return fmt.Errorf("a list holds something that is no object")
			}
			if err := r.content(template, mapping); err != nil {
				return err
			}
		}
		return nil
	}
	for field, value := range map[string]string{"apiVersion": o.GetAPIVersion(), "kind": o.GetKind(), "metadata.name": o.GetName()} {
		if value == "" {
			return fmt.Errorf("the object has no %s", field)
		}
	}
	r.object(template, o)
	return nil
}

func (r *reader) object(template string, o object.Object) {
	annotations := o.GetAnnotations()
	if events, isHook := annotations[hookAnnotation]; isHook {
		name := o.GetKind() + "/" + o.GetName()
		r.hooks = append(r.hooks, name)
		if !slices.Contains(r.request.KeepHooks, name) {
			r.dropped = append(r.dropped, fmt.Sprintf("%s of %s: a Helm hook (%s); nothing runs hooks here", name, template, events))
			return
		}
		r.kept = append(r.kept, name)
		removeHookAnnotations(o, annotations)
	}
	if o.GetKind() == "CustomResourceDefinition" && !r.request.KeepDefinitions {
		r.dropped = append(r.dropped, fmt.Sprintf("%s/%s of %s: custom resource definitions come from crds.jsonnet", o.GetKind(), o.GetName(), template))
		return
	}
	r.objects = append(r.objects, o)
}

// removeHookAnnotations makes a hook an ordinary object.
func removeHookAnnotations(o object.Object, annotations map[string]string) {
	for key := range annotations {
		if key == hookAnnotation || strings.HasPrefix(key, hookAnnotationPrefix) {
			delete(annotations, key)
		}
	}
	if len(annotations) == 0 {
		annotations = nil
	}
	o.SetAnnotations(annotations)
}
