package render

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/object"
)

// Standard labels that every object carries.
const (
	labelName      = "app.kubernetes.io/name"
	labelPartOf    = "app.kubernetes.io/part-of"
	labelManagedBy = "app.kubernetes.io/managed-by"
)

// label gives an object the standard labels. The bundle's version is not among them: it would change every object in
// every upgrade, and the tag that Flux follows says it already.
func (u *unit) label(o object.Object, componentName string) {
	stripNoise(o.Object)
	labels := o.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	if labels[labelName] == "" {
		labels[labelName] = componentName
	}
	labels[labelPartOf] = "opsgen"
	labels[labelManagedBy] = "opsgen"
	o.SetLabels(labels)
}

// noise are labels and annotations by which charts make every upgrade a thousand-line diff.
var noise = regexp.MustCompile(`^(helm\.sh/chart|chart|heritage|app\.kubernetes\.io/version|checksum/.*|meta\.helm\.sh/.*)$`)

// stripNoise removes noise from an object's metadata and from its pod template's.
func stripNoise(content map[string]any) {
	for _, path := range [][]string{{"metadata"}, {"spec", "template", "metadata"}} {
		metadata, ok, err := unstructured.NestedFieldNoCopy(content, path...)
		fields, isMap := metadata.(map[string]any)
		if err != nil || !ok || !isMap {
			continue
		}
		delete(fields, "creationTimestamp")
		for _, kind := range []string{"labels", "annotations"} {
			entries, ok := fields[kind].(map[string]any)
			if !ok {
				if fields[kind] == nil {
					delete(fields, kind)
				}
				continue
			}
			for key, value := range entries {
				if noise.MatchString(key) || key == labelManagedBy && value == "Helm" {
					delete(entries, key)
				}
			}
			if len(entries) == 0 {
				delete(fields, kind)
			}
		}
	}
}

// fillNamespaces puts namespaced objects that name no namespace into the unit's.
func (u *unit) fillNamespaces(objects []object.Object, kinds scopes) {
	for _, o := range objects {
		if o.GetNamespace() == "" && kinds.namespaced(o) {
			o.SetNamespace(u.namespace)
		}
	}
}

// podSpecs are the places of pod templates by kind.
var podSpecs = map[string][]string{
	"Pod": {"spec"}, "Deployment": {"spec", "template", "spec"}, "StatefulSet": {"spec", "template", "spec"},
	"DaemonSet": {"spec", "template", "spec"}, "ReplicaSet": {"spec", "template", "spec"}, "Job": {"spec", "template", "spec"},
	"CronJob": {"spec", "jobTemplate", "spec", "template", "spec"},
}

// resolveImages replaces names of images by references. used collects them by name.
func (u *unit) resolveImages(o object.Object, used map[string]string) error {
	spec, ok, err := unstructured.NestedFieldNoCopy(o.Object, podSpecs[o.GetKind()]...)
	pod, isMap := spec.(map[string]any)
	if podSpecs[o.GetKind()] == nil || err != nil || !ok || !isMap {
		return nil
	}
	for _, list := range []string{"initContainers", "containers"} {
		containers, _ := pod[list].([]any)
		for _, item := range containers {
			container, ok := item.(map[string]any)
			if !ok {
				continue
			}
			name, _ := container["image"].(string)
			reference, found := u.image(name, used)
			if !found {
				return fmt.Errorf("%s: %s: image %q is not in versions.yaml; add it under images, or write it with its digest (repository:tag@sha256:…)",
					o.Origin, o.ID(), name)
			}
			container["image"] = reference
			u.resolveFlags(container, used)
		}
	}
	return nil
}

// resolveFlags resolves images that a controller is told to start pods with ("--acme-http01-solver-image=…").
func (u *unit) resolveFlags(container map[string]any, used map[string]string) {
	args, _ := container["args"].([]any)
	for i, item := range args {
		arg, _ := item.(string)
		flag, value, ok := strings.Cut(arg, "=")
		if !ok || !strings.HasPrefix(flag, "-") || !strings.Contains(flag, "image") {
			continue
		}
		if reference, found := u.image(value, used); found {
			args[i] = flag + "=" + reference
		}
	}
}

// image resolves a name of versions.yaml or a reference whose repository is there. A reference by digest to an image
// of the team's own stands as it is, behind the private registry.
func (u *unit) image(text string, used map[string]string) (string, bool) {
	images := u.plan.repo.Bundle.Images
	registry := u.plan.Registry
	if image, ok := images[text]; ok {
		used[text] = image.Reference(registry)
		return used[text], true
	}
	repository, digest, byDigest := strings.Cut(text, "@")
	if colon := strings.LastIndex(repository, ":"); colon > strings.LastIndex(repository, "/") {
		repository = repository[:colon]
	}
	if name := imageOf(images, repository); name != "" {
		used[name] = images[name].Reference(registry)
		return used[name], true
	}
	if byDigest && strings.HasPrefix(digest, "sha256:") {
		if registry != "" && !strings.HasPrefix(text, registry+"/") {
			text = registry + "/" + text
		}
		return text, true
	}
	return "", false
}

// imageOf is the name of the image that comes from a repository; Docker Hub's short forms count.
func imageOf(images map[string]bundle.Image, repository string) string {
	for _, name := range slices.Sorted(maps.Keys(images)) {
		image := images[name]
		short := strings.TrimPrefix(image.Repository, "docker.io/")
		if repository == image.Repository || repository == short || "library/"+repository == short {
			return name
		}
	}
	return ""
}
