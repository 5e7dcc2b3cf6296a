package rendered

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v2"
)

// Files are the objects of one rendered cluster.
type Files struct {
	objects []object
	// configMaps are the data of ConfigMaps by "namespace/name".
	configMaps map[string]map[string]string
}

// Container is what one container finds when it starts.
type Container struct {
	// File is the manifest's path below the cluster's folder.
	File string
	// Name is the container's name.
	Name string
	// Args are its arguments as written, without variables expanded.
	Args []string
	// Environment are its variables. Those from Secrets, and the pod's own addresses and names, have made-up values.
	Environment map[string]string
	// Files are the keys of the ConfigMaps that are mounted, by absolute path.
	Files map[string]string
}

// object is the part of a manifest that matters here.
type object struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string
	Spec     struct{ Template struct{ Spec podSpec } }
	file     string
}

type podSpec struct {
	Containers []container
	Volumes    []struct {
		Name      string
		ConfigMap struct{ Name string } `yaml:"configMap"`
	}
}

type container struct {
	Name  string
	Image string
	Args  []string
	Env   []struct {
		Name, Value string
		ValueFrom   struct {
			FieldRef struct {
				FieldPath string `yaml:"fieldPath"`
			} `yaml:"fieldRef"`
		} `yaml:"valueFrom"`
	}
	VolumeMounts []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
}

// Read reads all manifests below a folder. It is an error when there are none.
func Read(folder string) (*Files, error) {
	files := &Files{configMaps: map[string]map[string]string{}}
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".yaml" {
			return err
		}
		return files.read(folder, name)
	})
	if err != nil {
		return nil, fmt.Errorf("read the manifests in %s: %w", folder, err)
	}
	if len(files.objects) == 0 {
		return nil, fmt.Errorf("%s has no manifests: run `opsgen render`", folder)
	}
	return files, nil
}

func (f *Files) read(folder, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	relative, err := filepath.Rel(folder, name)
	if err != nil {
		return err
	}
	for decoder := yaml.NewDecoder(file); ; {
		o := object{file: relative}
		switch err := decoder.Decode(&o); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && wanted(o.Kind):
			return fmt.Errorf("%s: %w", relative, err)
		}
		f.objects = append(f.objects, o)
		if o.Kind == "ConfigMap" {
			f.configMaps[o.Metadata.Namespace+"/"+o.Metadata.Name] = o.Data
		}
	}
}

// wanted are the kinds whose fields are as object says. Others may have another type under the same name.
func wanted(kind string) bool {
	switch kind {
	case "", "ConfigMap", "Deployment", "StatefulSet":
		return true
	}
	return false
}

// Containers are all containers that run an image of a project ("loki": any repository that ends so), in the order of
// their files.
func (f *Files) Containers(image string) []Container {
	var found []Container
	for _, o := range f.objects {
		for _, c := range o.Spec.Template.Spec.Containers {
			if repository(c.Image) == image {
				found = append(found, f.container(o, c))
			}
		}
	}
	return found
}

// repository is the last part of an image's name: "loki" of "docker.io/grafana/loki:3.7.8@sha256:…".
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	image, _, _ = strings.Cut(path.Base(image), ":")
	return image
}

func (f *Files) container(o object, c container) Container {
	found := Container{
		File: o.file, Name: c.Name, Args: c.Args,
		Environment: map[string]string{}, Files: map[string]string{},
	}
	for _, variable := range c.Env {
		switch {
		case variable.Value != "":
			found.Environment[variable.Name] = variable.Value
		case strings.HasSuffix(variable.ValueFrom.FieldRef.FieldPath, "IP"):
			found.Environment[variable.Name] = "192.0.2.1" // an address for documents
		default:
			found.Environment[variable.Name] = "unknown"
		}
	}
	for _, mount := range c.VolumeMounts {
		for _, volume := range o.Spec.Template.Spec.Volumes {
			if volume.Name != mount.Name || volume.ConfigMap.Name == "" {
				continue
			}
			for key, text := range f.configMaps[o.Metadata.Namespace+"/"+volume.ConfigMap.Name] {
				found.Files[path.Join(mount.MountPath, key)] = text
			}
		}
	}
	return found
}
