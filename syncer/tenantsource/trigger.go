package tenantsource

import (
	"sync"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// trigger is a reflector's store that keeps names and tells of changes.
type trigger struct {
	selected func(labels.Set) bool
	tell     func()

	mutex sync.Mutex
	names map[string]bool // those that were selected: one that loses its label is a change
}

// Add is called for a new object.
func (t *trigger) Add(object any) error { return t.Update(object) }

// Update is called for a changed object.
func (t *trigger) Update(object any) error {
	o, ok := object.(*meta.PartialObjectMetadata)
	if !ok {
		return nil
	}
	t.mutex.Lock()
	selected := t.selected(o.Labels)
	changed := selected || t.names[o.Name]
	t.set(o.Name, selected)
	t.mutex.Unlock()
	if changed {
		t.tell()
	}
	return nil
}

// Delete is called for an object that is gone.
func (t *trigger) Delete(object any) error {
	o, ok := object.(*meta.PartialObjectMetadata)
	if !ok {
		return nil
	}
	t.mutex.Lock()
	changed := t.names[o.Name]
	t.set(o.Name, false)
	t.mutex.Unlock()
	if changed {
		t.tell()
	}
	return nil
}

// Replace is called with all objects, at the beginning and after a gap.
func (t *trigger) Replace(objects []any, _ string) error {
	t.mutex.Lock()
	clear(t.names)
	for _, object := range objects {
		if o, ok := object.(*meta.PartialObjectMetadata); ok {
			t.set(o.Name, t.selected(o.Labels))
		}
	}
	t.mutex.Unlock()
	t.tell()
	return nil
}

// Resync has no meaning here.
func (t *trigger) Resync() error { return nil }

func (t *trigger) set(name string, selected bool) {
	if selected {
		t.names[name] = true
	} else {
		delete(t.names, name)
	}
}
