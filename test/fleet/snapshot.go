package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/restmapper"

	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/story"
)

// snapshot answers the rendered objects as the API server has them, by the names of story.Object.String. It lists each kind
// once, so that thousands take a moment. An object that is not there is an error.
func (f *Fleet) snapshot(ctx context.Context) (map[string]*unstructured.Unstructured, error) {
	objects, err := f.Rendered()
	if err != nil {
		return nil, err
	}
	live := map[string]*unstructured.Unstructured{}
	listed := map[schema.GroupVersionKind]bool{}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(f.Client.Discovery()))
	for _, o := range objects {
		kind := o.GroupVersionKind()
		if listed[kind] {
			continue
		}
		listed[kind] = true
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
		list, err := f.Dynamic.Resource(mapping.Resource).List(ctx, meta.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", mapping.Resource.Resource, err)
		}
		for i := range list.Items {
			live[story.Object{Unstructured: &list.Items[i]}.String()] = &list.Items[i]
		}
	}
	found := map[string]*unstructured.Unstructured{}
	var missing []error
	for _, o := range objects {
		if found[o.String()] = live[o.String()]; live[o.String()] == nil {
			missing = append(missing, fmt.Errorf("%s was rendered and is not there", o))
		}
	}
	return found, errors.Join(missing...)
}

// applied is what changes when somebody writes an object's specification: its generation, and when Flux last applied a
// change to it.
func applied(o *unstructured.Unstructured) string {
	text := fmt.Sprint(o.GetGeneration())
	for _, m := range o.GetManagedFields() {
		if m.Manager == "kustomize-controller" && m.Subresource == "" {
			text += " " + m.Time.String()
		}
	}
	return text
}

// written names the objects that are in both snapshots and were written between them, sorted.
func written(before, after map[string]*unstructured.Unstructured) []string {
	var names []string
	for name, o := range before {
		if after[name] != nil && applied(o) != applied(after[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// quiet reconciles everything once more. Nobody changed anything, so nothing may be written.
func (f *Fleet) quiet(ctx context.Context) (string, error) {
	before, err := f.snapshot(ctx)
	if err != nil {
		return "", err
	}
	names, err := f.unitNames()
	if err != nil {
		return "", err
	}
	if err := flux.Reconcile(ctx, f.Dynamic, names...); err != nil {
		return "", err
	}
	after, err := f.snapshot(ctx)
	if err != nil {
		return "", err
	}
	// The request to reconcile is an annotation of the Kustomizations: it changes no generation.
	if names := written(before, after); len(names) > 0 {
		return "", fmt.Errorf("written again though nobody changed anything: %v", names)
	}
	return fmt.Sprintf("%d objects, none written again", len(after)), nil
}
