package overlay

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/object"
)

// FactsName is the ConfigMap that overlays read a cluster's facts from with `replacements`. It is never written.
const FactsName = "cluster-facts"

// building guards Kustomize's process-wide OpenAPI state (akuity/kargo, issue 7029).
var building sync.Mutex

// Folder is one Kustomize component: its path relative to the repository, and its files relative to it.
type Folder struct {
	Path  string
	Files map[string][]byte
}

// Read reads a folder below root. It answers false where there is none.
func Read(root, folder string) (Folder, bool, error) {
	f := Folder{Path: folder, Files: map[string][]byte{}}
	opened, err := os.OpenRoot(root) // links that lead out of the repository are refused
	if err != nil {
		return f, false, fmt.Errorf("read overlay %s: %w", folder, err)
	}
	defer opened.Close() //nolint:errcheck // it was only read
	info, err := opened.Stat(filepath.FromSlash(folder))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return f, false, nil
	}
	if err != nil {
		return f, false, fmt.Errorf("read overlay %s: %w", folder, err)
	}
	dir, err := fs.Sub(opened.FS(), folder)
	if err != nil {
		return f, false, fmt.Errorf("read overlay %s: %w", folder, err)
	}
	err = fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link; overlays hold plain files only", path.Join(folder, name))
		}
		f.Files[name], err = fs.ReadFile(dir, name)
		return err
	})
	if err != nil {
		return f, false, fmt.Errorf("read overlay %s: %w", folder, err)
	}
	return f, true, nil
}

// Unit is the part of a component that a folder is applied to.
type Unit struct {
	Objects []object.Object
	// Facts become the data of the ConfigMap cluster-facts.
	Facts map[string]string
	// Adds says that the unit is the one for what the folder adds: resources and generators.
	Adds bool
}

// Apply builds the unit's objects with the folder's component. Objects that it does not touch keep their content and
// origin. found are the places of the folder's patches ("patches[0]") that had an object in this unit.
func Apply(u Unit, folder Folder) (objects []object.Object, found []string, err error) {
	if err := folder.check(); err != nil {
		return nil, nil, err
	}
	narrowed, found, err := folder.narrow(u.Objects, u.Adds)
	if err != nil {
		return nil, nil, err
	}
	objects, err = apply(u.Objects, u.Facts, narrowed)
	return objects, found, err
}

func apply(objects []object.Object, facts map[string]string, folder Folder) ([]object.Object, error) {
	disk := filesys.MakeFsInMemory()
	for name, data := range folder.Files {
		if err := disk.WriteFile("/component/"+name, data); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Join(folder.Path, name), err)
		}
	}
	resources, err := resourceFile(objects, facts)
	if err != nil {
		return nil, err
	}
	if err := disk.WriteFile("/build/objects.yaml", resources); err != nil {
		return nil, err
	}
	build := "resources: [objects.yaml]\ncomponents: [../component]\n"
	if err := disk.WriteFile("/build/kustomization.yaml", []byte(build)); err != nil {
		return nil, err
	}
	return run(disk, objects, folder.Path)
}

func run(disk filesys.FileSystem, objects []object.Object, folder string) ([]object.Object, error) {
	options := krusty.MakeDefaultOptions()
	options.PluginConfig = types.DisabledPluginConfig()
	building.Lock()
	built, err := krusty.MakeKustomizer(options).Run(disk, "/build")
	building.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%s/kustomization.yaml: %s", folder, readable(err))
	}
	origins := map[string]string{}
	for _, o := range objects {
		origins[o.Key()] = o.Origin
	}
	var result []object.Object
	for _, res := range built.Resources() {
		content, err := jsonContent(res)
		if err != nil {
			return nil, fmt.Errorf("%s: read the result: %w", folder, err)
		}
		o := object.New(content, "")
		if o.GetKind() == "ConfigMap" && o.GetName() == FactsName {
			continue
		}
		if o.Origin = origins[o.Key()]; o.Origin == "" {
			o.Origin = folder
		}
		result = append(result, o)
	}
	return result, nil
}

// jsonContent is the resource in JSON types, with whole numbers as int64.
func jsonContent(r *resource.Resource) (map[string]any, error) {
	text, err := r.MarshalJSON()
	if err != nil {
		return nil, err
	}
	var content map[string]any
	return content, json.Unmarshal(text, &content)
}

// resourceFile is the objects and the facts as one YAML stream.
func resourceFile(objects []object.Object, facts map[string]string) ([]byte, error) {
	data := map[string]any{}
	for key, value := range facts {
		data[key] = value
	}
	all := append([]object.Object{object.New(map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": FactsName}, "data": data,
	}, "")}, objects...)
	var stream bytes.Buffer
	for _, o := range all {
		text, err := o.YAML()
		if err != nil {
			return nil, err
		}
		stream.WriteString("---\n")
		stream.Write(text)
	}
	return stream.Bytes(), nil
}

// check refuses what Kustomize would fetch or run: a render reads pinned sources only, and a pull request's overlay
// must not make the machine that renders it clone a repository.
func (f Folder) check() error {
	data, ok := f.Files["kustomization.yaml"]
	if !ok {
		return fmt.Errorf("%s: there is no kustomization.yaml in this folder; write one of kind Component", f.Path)
	}
	for name, text := range f.Files {
		if path.Base(name) != "kustomization.yaml" {
			continue
		}
		if err := checkKustomization(path.Join(f.Path, name), text); err != nil {
			return err
		}
	}
	var top types.Kustomization
	if err := yaml.UnmarshalStrict(data, &top); err == nil && top.Kind != types.ComponentKind {
		return fmt.Errorf("%s/kustomization.yaml: kind is %q; write kind: Component and apiVersion: %s", f.Path, top.Kind, types.ComponentVersion)
	}
	return nil
}

func checkKustomization(file string, text []byte) error {
	var k types.Kustomization
	if err := yaml.UnmarshalStrict(text, &k); err != nil {
		return fmt.Errorf("%s: %s", file, readable(err))
	}
	if len(k.HelmCharts)+len(k.HelmChartInflationGenerator)+len(k.Generators)+len(k.Transformers)+len(k.Validators) > 0 { //nolint:staticcheck // deprecated fields are refused too
		return fmt.Errorf("%s: helm charts, generators, transformers and validators are not supported in overlays; a chart is a component of its own", file)
	}
	for _, ref := range append(append(append([]string{}, k.Resources...), k.Components...), k.Crds...) {
		clean := path.Clean(path.Join(path.Dir(file), ref))
		if strings.Contains(ref, "://") || strings.Contains(ref, "?ref=") || strings.HasPrefix(ref, "git@") ||
			path.IsAbs(ref) || strings.Contains(strings.SplitN(ref, "/", 2)[0], ".com") || strings.HasPrefix(clean, "..") {
			return fmt.Errorf("%s: %q is not a file of this folder; copy what you need beside the kustomization.yaml", file, ref)
		}
	}
	return nil
}

// readable drops what Kustomize says about its own in-memory paths.
func readable(err error) string {
	return strings.NewReplacer("/component/", "", "/build/", "", "'/component'", "", "'/build'", "").Replace(err.Error())
}
