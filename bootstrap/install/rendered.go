package install

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// Layers are the folders of a rendered tree that Flux applies, in this order.
func Layers() []string { return []string{"crds", "controllers", "config", "platform", "tenants"} }

// Tree is a rendered tree: clusters/<name>/rendered.
type Tree struct {
	files fs.FS
	// units are Flux' Kustomizations by layer.
	units map[string][]Unit
}

// Unit is one of Flux' Kustomizations.
type Unit struct {
	// Name is the Kustomization's name, Layer the layer that it is shown in, Path its folder in the tree.
	Name, Layer, Path string
	// Namespaces are those that its objects are in.
	Namespaces []string
}

// Open reads what is rendered. The files are those of clusters/<name>/rendered.
func Open(files fs.FS) (*Tree, error) {
	t := &Tree{files: files, units: map[string][]Unit{}}
	if _, err := fs.Stat(files, "cluster/kustomization.yaml"); errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("the cluster is not rendered: run `opsgen render`, and commit and push the result")
	}
	err := fs.WalkDir(files, "cluster", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasPrefix(path.Base(name), "kustomization-") {
			return err
		}
		o, err := t.object(name)
		if err != nil {
			return err
		}
		return t.addUnit(o)
	})
	return t, err
}

// addUnit keeps a Kustomization, but for those that only lead to others.
func (t *Tree) addUnit(o *unstructured.Unstructured) error {
	where, _, err := unstructured.NestedString(o.Object, "spec", "path")
	if err != nil {
		return fmt.Errorf("read %s: %w", o.GetName(), err)
	}
	_, folder, _ := strings.Cut(where, "/rendered/")
	layer, _, _ := strings.Cut(folder, "/")
	if !slices.Contains(Layers(), layer) {
		return nil
	}
	u := Unit{Name: o.GetName(), Layer: layer, Path: folder}
	objects, err := t.Objects(folder)
	if err != nil {
		return err
	}
	for _, object := range objects {
		if ns := object.GetNamespace(); ns != "" && !slices.Contains(u.Namespaces, ns) {
			u.Namespaces = append(u.Namespaces, ns)
		}
	}
	t.units[layer] = append(t.units[layer], u)
	return nil
}

// Units are a layer's Kustomizations, by name.
func (t *Tree) Units(layer string) []Unit { return t.units[layer] }

// Objects are those of one folder, in the order of its kustomization.yaml.
func (t *Tree) Objects(folder string) ([]*unstructured.Unstructured, error) {
	text, err := fs.ReadFile(t.files, path.Join(folder, "kustomization.yaml"))
	if err != nil {
		return nil, fmt.Errorf("read the rendered tree: %w", err)
	}
	var list struct {
		Resources []string `json:"resources"`
	}
	if err := yaml.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("read %s/kustomization.yaml: %w", folder, err)
	}
	var objects []*unstructured.Unstructured
	for _, name := range list.Resources {
		file := path.Join(folder, name)
		if info, err := fs.Stat(t.files, file); err == nil && info.IsDir() {
			continue // another Kustomization's
		}
		o, err := t.object(file)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func (t *Tree) object(file string) (*unstructured.Unstructured, error) {
	text, err := fs.ReadFile(t.files, file)
	if err != nil {
		return nil, fmt.Errorf("read the rendered tree: %w", err)
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(bytes.TrimSpace(text), &o.Object); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return o, nil
}

// folders are all folders with objects, in the order of layers.
func (t *Tree) folders() ([]string, error) {
	folders := []string{}
	for _, layer := range Layers() {
		for _, u := range t.units[layer] {
			folders = append(folders, u.Path)
		}
	}
	shards, err := fs.ReadDir(t.files, "cluster")
	if err != nil {
		return nil, fmt.Errorf("read the rendered tree: %w", err)
	}
	for _, shard := range shards {
		if shard.IsDir() {
			folders = append(folders, path.Join("cluster", shard.Name()))
		}
	}
	return folders, nil
}
