package rendered

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Cluster is what one rendered cluster says about Cortex.
type Cluster struct {
	// Name is the name of the cluster's folder.
	Name string
	// Processes are the containers that run Cortex, by workload in alphabetical order.
	Processes []Process
	// Headless are the names of the headless Services in Cortex' namespace.
	Headless []string
}

// Process is one container that runs Cortex.
type Process struct {
	// Workload is the Deployment's or StatefulSet's name.
	Workload string
	// Replicas is the number of pods.
	Replicas int
	// Args is the command line as Kubernetes gives it to the process, with variables replaced.
	Args []string
	// Config is the text of the file that -config.file names.
	Config []byte
	// Files are the texts of all files that the container has from ConfigMaps, by path.
	Files map[string][]byte
}

// Clusters are the rendered clusters below folder (<folder>/<cluster>/rendered) that run Cortex. It is an error when there
// is none: a check of nothing would pass.
func Clusters(folder string) ([]Cluster, error) {
	trees, err := filepath.Glob(filepath.Join(folder, "*", "rendered"))
	if err != nil {
		return nil, err
	}
	var clusters []Cluster
	for _, tree := range trees {
		cluster, err := read(tree)
		if err != nil {
			return nil, err
		}
		if len(cluster.Processes) > 0 {
			clusters = append(clusters, cluster)
		}
	}
	if len(clusters) == 0 {
		return nil, fmt.Errorf("no rendered cluster with Cortex below %s; run opsgen render first", folder)
	}
	return clusters, nil
}

func read(tree string) (Cluster, error) {
	cluster := Cluster{Name: filepath.Base(filepath.Dir(tree))}
	objects, err := load(tree)
	if err != nil {
		return cluster, fmt.Errorf("read cluster %s: %w", cluster.Name, err)
	}
	maps := map[string]map[string]string{}
	for _, o := range objects {
		switch {
		case o.Kind == "ConfigMap":
			maps[o.Metadata.Name] = o.Data
		case o.Kind == "Service" && o.Spec.ClusterIP == "None":
			cluster.Headless = append(cluster.Headless, o.Metadata.Name)
		}
	}
	for _, o := range objects {
		for _, c := range o.Spec.Template.Spec.Containers {
			if !runsCortex(c) {
				continue
			}
			process, err := newProcess(o, c, maps)
			if err != nil {
				return cluster, fmt.Errorf("cluster %s: %s %s: %w", cluster.Name, o.Kind, o.Metadata.Name, err)
			}
			cluster.Processes = append(cluster.Processes, process)
		}
	}
	slices.SortFunc(cluster.Processes, func(a, b Process) int { return strings.Compare(a.Workload, b.Workload) })
	return cluster, nil
}

// runsCortex says whether a container runs Cortex, whatever registry its image comes from.
func runsCortex(c container) bool {
	name, _, _ := strings.Cut(path.Base(c.Image), "@")
	name, _, _ = strings.Cut(name, ":")
	return name == "cortex"
}

func newProcess(o object, c container, maps map[string]map[string]string) (Process, error) {
	process := Process{Workload: o.Metadata.Name, Replicas: o.Spec.Replicas, Files: map[string][]byte{}}
	for _, arg := range c.Args {
		expanded, err := expand(arg, c.Env)
		if err != nil {
			return process, err
		}
		process.Args = append(process.Args, expanded)
	}
	for _, m := range c.VolumeMounts {
		for _, v := range o.Spec.Template.Spec.Volumes {
			if v.Name != m.Name || v.ConfigMap == nil {
				continue
			}
			data, ok := maps[v.ConfigMap.Name]
			if !ok {
				return process, fmt.Errorf("mounts ConfigMap %s, which is not rendered; the pod would not start", v.ConfigMap.Name)
			}
			for key, text := range data {
				process.Files[path.Join(m.MountPath, key)] = []byte(text)
			}
		}
	}
	file, ok := process.Flag("config.file")
	if !ok {
		return process, errors.New("has no -config.file")
	}
	if process.Config, ok = process.Files[file]; !ok {
		return process, fmt.Errorf("-config.file=%s is not in any ConfigMap that the container mounts", file)
	}
	return process, nil
}

// Flag is the value of a flag of the command line, and whether it is there.
func (p Process) Flag(name string) (string, bool) {
	for _, arg := range p.Args {
		if value, ok := strings.CutPrefix(arg, "-"+name+"="); ok {
			return value, true
		}
	}
	return "", false
}

var reference = regexp.MustCompile(`\$\(([A-Za-z_][A-Za-z0-9_]*)\)`)

// expand replaces $(NAME) as the kubelet does. What is known only in the cluster gets an example. A variable that the
// container does not have would reach the process as it is written, which is an error here.
func expand(arg string, env []variable) (string, error) {
	var missing error
	expanded := reference.ReplaceAllStringFunc(arg, func(match string) string {
		name := reference.FindStringSubmatch(match)[1]
		for _, v := range env {
			switch {
			case v.Name != name:
			case v.ValueFrom == nil:
				return v.Value
			case strings.HasSuffix(fmt.Sprint(v.ValueFrom["fieldRef"]), "IP]"):
				return "10.0.0.1"
			default:
				return "example"
			}
		}
		missing = fmt.Errorf("argument %q uses the variable %s, which the container does not have", arg, name)
		return match
	})
	return expanded, missing
}
