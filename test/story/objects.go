package story

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// An Object is one rendered object and the unit that it is in.
type Object struct {
	*unstructured.Unstructured
	// Folder is relative to rendered/: "platform/cortex".
	Folder string
}

// Unit is the name of the Kustomization that applies the object.
func (o Object) Unit() string {
	if tenant, found := strings.CutPrefix(o.Folder, "tenants/"); found {
		return "tenant-" + tenant
	}
	if shard, found := strings.CutPrefix(o.Folder, "cluster/"); found {
		return shard
	}
	return strings.ReplaceAll(o.Folder, "/", "-")
}

// String names the object as kubectl does.
func (o Object) String() string {
	if o.GetNamespace() == "" {
		return o.GetKind() + "/" + o.GetName()
	}
	return o.GetKind() + "/" + o.GetName() + " in " + o.GetNamespace()
}

// Rendered reads all objects of the cluster's rendered folder.
func (s *Story) Rendered() ([]Object, error) {
	var objects []Object
	err := filepath.WalkDir(s.rendered(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" || entry.Name() == "kustomization.yaml" {
			return err
		}
		data, err := os.ReadFile(path) //nolint:gosec // Nobody races to change what the test rendered.
		if err != nil {
			return err
		}
		content := map[string]any{}
		if err := yaml.Unmarshal(data, &content); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		folder, err := filepath.Rel(s.rendered(), filepath.Dir(path))
		if err != nil {
			return err
		}
		objects = append(objects, Object{&unstructured.Unstructured{Object: content}, filepath.ToSlash(folder)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was rendered: %w", err)
	}
	return objects, nil
}

// units is the number of Kustomizations that the cluster has.
func (s *Story) units() (int, error) {
	objects, err := s.Rendered()
	count := 0
	for _, o := range objects {
		if o.GetKind() == "Kustomization" {
			count++
		}
	}
	return count, err
}

// resources finds the client for an object's kind.
func (s *Story) resources() func(Object) (dynamic.ResourceInterface, error) {
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(s.Client.Discovery()))
	return func(o Object) (dynamic.ResourceInterface, error) {
		kind := o.GroupVersionKind()
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
		if o.GetNamespace() == "" {
			return s.Dynamic.Resource(mapping.Resource), nil
		}
		return s.Dynamic.Resource(mapping.Resource).Namespace(o.GetNamespace()), nil
	}
}

// Live answers the objects as the API server has them, by the names of Object.String; what is not there is not in it.
func (s *Story) Live(ctx context.Context, objects []Object) (map[string]*unstructured.Unstructured, error) {
	client := s.resources()
	live := map[string]*unstructured.Unstructured{}
	for _, o := range objects {
		resource, err := client(o)
		if err != nil {
			return nil, err
		}
		found, err := resource.Get(ctx, o.GetName(), meta.GetOptions{})
		if err == nil {
			live[o.String()] = found
		} else if ctx.Err() != nil {
			return nil, fmt.Errorf("looking at %s: %w", o, err)
		}
	}
	return live, nil
}
