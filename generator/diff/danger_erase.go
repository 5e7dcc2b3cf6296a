package diff

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// erasedIn are the removed tenants whose data is to be deleted: names by ID, as the syncer reads them.
func erasedIn(t *Tree) (map[string]string, error) {
	items, err := t.find(func(file string) bool { return strings.HasPrefix(file, "config/syncer-tenants/configmap-") })
	erased := map[string]string{}
	for _, i := range items {
		for _, document := range i.documents() {
			for _, entry := range list(at(document, "tenants")) {
				id, _ := at(entry, "id").(string)
				erased[id], _ = at(entry, "name").(string)
			}
		}
	}
	return erased, err
}

func tenantErased(s *scene, f *findings) error {
	before, err := erasedIn(s.old)
	if err != nil {
		return err
	}
	after, err := erasedIn(s.new)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(after)) {
		if _, known := before[id]; !known {
			f.add(dataLoss, "tenants/"+after[id], fmt.Sprintf("all metrics and logs of its ID %s are deleted from %s, beginning 15 minutes after the merge. "+
				"Nothing brings them back but a backup.", id, s.cluster.Name))
		}
	}
	return nil
}
