package install

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// Kubernetes' own types say when they go (k8s.io/api, zz_generated.prerelease-lifecycle.go).
type going interface {
	APILifecycleRemoved() (major, minor int)
}

// Removals are the APIs of the rendered objects that a version of Kubernetes does not have: gone in 1.<minor>, or going in
// the one after it. Groups that Kubernetes itself does not have are those of custom resources, and are not looked at.
func (t *Tree) Removals(minor int) (gone, going []string, err error) {
	folders, err := t.folders()
	if err != nil {
		return nil, nil, err
	}
	for _, folder := range folders {
		objects, err := t.Objects(folder)
		if err != nil {
			return nil, nil, err
		}
		for _, o := range objects {
			gvk := o.GroupVersionKind()
			if !scheme.Scheme.IsGroupRegistered(gvk.Group) {
				continue
			}
			name := fmt.Sprintf("%s %s in %s", o.GetAPIVersion(), o.GetKind(), folder)
			switch at := removedIn(gvk); {
			case at == 0:
			case at <= minor && !slices.Contains(gone, name):
				gone = append(gone, name)
			case at == minor+1 && !slices.Contains(going, name):
				going = append(going, name)
			}
		}
	}
	return gone, going, nil
}

// removedIn is the minor version that an API is gone in: 0 for one that stays, 1 for one that Kubernetes has forgotten.
func removedIn(gvk schema.GroupVersionKind) int {
	object, err := scheme.Scheme.New(gvk)
	if err != nil {
		return 1
	}
	if leaving, ok := object.(going); ok {
		_, minor := leaving.APILifecycleRemoved()
		return minor
	}
	return 0
}
