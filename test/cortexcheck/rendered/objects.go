package rendered

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"gopkg.in/yaml.v2"
)

// The parts of Kubernetes objects that matter here.
type (
	object struct {
		Kind     string
		Metadata struct{ Name, Namespace string }
		Data     map[string]string
		Spec     spec
	}
	spec struct {
		Replicas  int
		ClusterIP string `yaml:"clusterIP"`
		Template  struct{ Spec podSpec }
	}
	podSpec struct {
		Containers []container
		Volumes    []volume
	}
	container struct {
		Image        string
		Args         []string
		Env          []variable
		VolumeMounts []mount `yaml:"volumeMounts"`
	}
	variable struct {
		Name, Value string
		ValueFrom   map[string]any `yaml:"valueFrom"`
	}
	mount struct {
		Name      string
		MountPath string `yaml:"mountPath"`
	}
	volume struct {
		Name      string
		ConfigMap *struct{ Name string } `yaml:"configMap"`
	}
)

// namespace is where Cortex lives.
const namespace = "cortex"

// kinds are those that matter. Others are left out, since their fields may have other types.
var kinds = []string{"ConfigMap", "Service", "Deployment", "StatefulSet"}

// load reads the objects of Cortex' namespace below folder.
func load(folder string) ([]object, error) {
	var objects []object
	tree := os.DirFS(folder)
	err := fs.WalkDir(tree, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".yaml" || entry.Name() == "kustomization.yaml" {
			return err
		}
		text, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		var head struct {
			Kind     string
			Metadata struct{ Namespace string }
		}
		if err := yaml.Unmarshal(text, &head); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if head.Metadata.Namespace != namespace || !slices.Contains(kinds, head.Kind) {
			return nil
		}
		var o object
		if err := yaml.Unmarshal(text, &o); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, o)
		return nil
	})
	return objects, err
}
