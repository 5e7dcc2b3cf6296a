package diff

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// identitiesOf are the tenants' IDs in Cortex and Loki by name, as the proxy maps them.
func identitiesOf(t *Tree) (map[string]string, error) {
	items, err := t.find(func(file string) bool {
		return strings.HasPrefix(file, "config/proxy-tenants/") && strings.HasPrefix(path.Base(file), "configmap-")
	})
	ids := map[string]string{}
	for _, i := range items {
		for _, document := range i.documents() {
			for _, entry := range list(at(document, "tenants")) {
				name, _ := at(entry, "name").(string)
				ids[name] = name
				if id, ok := at(entry, "id").(string); ok && id != "" {
					ids[name] = id
				}
			}
		}
	}
	return ids, err
}

// identify learns who the tenants are. Their names by ID are made once: they are asked for once for each tenant and limit.
func (s *scene) identify() error {
	var err error
	if s.oldIDs, err = identitiesOf(s.old); err != nil {
		return err
	}
	if s.newIDs, err = identitiesOf(s.new); err != nil {
		return err
	}
	s.names = map[string]string{}
	for _, ids := range []map[string]string{s.oldIDs, s.newIDs} { // the new name of an ID counts
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(ids))) {
			s.names[ids[name]] = name
		}
	}
	return nil
}

// nameOf is the tenant that an ID belongs to; an ID that nobody has is shown as it is.
func (s *scene) nameOf(id string) string {
	if name, ok := s.names[id]; ok {
		return name
	}
	return id
}

func identityChanged(s *scene, f *findings) error {
	for _, name := range slices.Sorted(maps.Keys(s.oldIDs)) {
		was, is := s.oldIDs[name], s.newIDs[name]
		if is != "" && is != was {
			f.add(dataLoss, "tenants/"+name, fmt.Sprintf("its ID changes from %s to %s: what it wrote so far is no longer found, and what %s wrote is.", was, is, is))
		}
	}
	return nil
}
