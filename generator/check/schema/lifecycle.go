package schema

import (
	"regexp"
	"sort"

	"k8s.io/apimachinery/pkg/runtime"
	kschema "k8s.io/apimachinery/pkg/runtime/schema"
)

// The k8s.io/api types say themselves when their kind came and went.
type (
	introduced interface {
		APILifecycleIntroduced() (major, minor int)
	}
	removed interface {
		APILifecycleRemoved() (major, minor int)
	}
	replaced interface {
		APILifecycleReplacement() kschema.GroupVersionKind
	}
)

var prerelease = regexp.MustCompile(`^v[0-9]+(alpha|beta)[0-9]+$`)

// lifecycle says whether the kind's version is there in Kubernetes 1.minor, and there to stay.
func lifecycle(c *checked, typed runtime.Object, gvk kschema.GroupVersionKind, minor int) {
	hint := ""
	if r, ok := typed.(replaced); ok {
		if by := r.APILifecycleReplacement(); by.Kind != "" {
			hint = "Write apiVersion: " + by.GroupVersion().String() + "."
		}
	}
	if r, ok := typed.(removed); ok {
		if _, gone := r.APILifecycleRemoved(); gone > 0 && gone <= minor {
			c.add(Removed, "apiVersion", hint, "%s %s was removed in Kubernetes 1.%d; the cluster runs 1.%d", gvk.GroupVersion(), gvk.Kind, gone, minor)
			return
		}
	}
	if i, ok := typed.(introduced); ok {
		if _, from := i.APILifecycleIntroduced(); from > minor {
			c.add(Newer, "apiVersion", "Leave it out, or raise the cluster's Kubernetes version.",
				"%s %s exists from Kubernetes 1.%d on; the cluster runs 1.%d", gvk.GroupVersion(), gvk.Kind, from, minor)
			return
		}
	}
	if prerelease.MatchString(gvk.Version) {
		c.add(Prerelease, "apiVersion", hint, "%s %s is not generally available: it may change or vanish with any Kubernetes release", gvk.GroupVersion(), gvk.Kind)
	}
}

// fieldSince is the minor version that brought a field ("core/v1.PodSpec.hostnameOverride"), 0 for one that all
// versions have that the table covers.
func fieldSince(field string) int {
	for _, release := range newFields {
		i := sort.SearchStrings(release.fields, field)
		if i < len(release.fields) && release.fields[i] == field {
			return release.minor
		}
	}
	return 0
}
