package diff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/opsgen/opsgen/generator/component"
)

// Trees are the two states of one cluster; nil where the cluster is not there.
type Trees struct {
	Name     string
	Old, New *Tree
	// Now decides which dated parts of a configuration are in force; the zero time is the clock's.
	Now time.Time
}

// Compare says what differs in a cluster, and what of it is dangerous. The answer is nil when nothing differs.
func Compare(trees Trees, usage Usage) (*Cluster, error) {
	c := &Cluster{
		Name: trees.Name, Dangers: []Danger{}, TenantsAdded: []string{}, TenantsRemoved: []string{}, Restarts: []string{}, Groups: []Group{},
	}
	old, current := trees.Old, trees.New
	switch {
	case old == nil && current == nil:
		return nil, nil
	case old == nil:
		old, c.State = &Tree{}, Added
	case current == nil:
		current, c.State = &Tree{}, Removed
	}
	files := differing(old, current)
	if len(files) == 0 {
		return nil, nil
	}
	changes, err := changes(old, current, files)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", trees.Name, err)
	}
	if len(changes) == 0 {
		return nil, nil // only indexes and lists of files, which Flux builds from and does not apply
	}
	effects(changes)
	c.TenantsAdded, c.TenantsRemoved = tenants(changes, Added), tenants(changes, Removed)
	for _, change := range changes {
		if strings.HasPrefix(change.Effect, "restarts ") {
			c.Restarts = append(c.Restarts, change.Object)
			if change.after.GetKind() != "DaemonSet" {
				c.Pods += replicas(change.after)
			}
		}
	}
	c.Groups = groups(changes)
	now := trees.Now
	if now.IsZero() {
		now = time.Now()
	}
	seen := &scene{cluster: c, changes: changes, old: old, new: current, usage: usage[c.Name], now: now}
	if c.Capacity, err = capacity(seen); err != nil {
		return nil, fmt.Errorf("compare %s: %w", trees.Name, err)
	}
	if c.State == Added {
		return c, nil // nothing is there yet that could be harmed
	}
	c.Dangers, err = dangers(seen)
	return c, err
}

// changes pairs the objects of the files that differ.
func changes(old, current *Tree, files []string) ([]Change, error) {
	differ := map[string]bool{}
	for _, file := range files {
		differ[file] = true
	}
	among := func(file string) bool { return differ[file] }
	before, err := old.find(among)
	if err != nil {
		return nil, err
	}
	after, err := current.find(among)
	if err != nil {
		return nil, err
	}
	byKey := map[string]*item{}
	for _, i := range before {
		byKey[i.Key()] = i
	}
	var list []Change
	var added []*item
	for _, i := range after {
		was := byKey[i.Key()]
		if was == nil {
			added = append(added, i)
			continue
		}
		delete(byKey, i.Key())
		if change, ok := changed(was, i); ok {
			list = append(list, change)
		}
	}
	var removed []*item
	for _, i := range before {
		if byKey[i.Key()] == i {
			removed = append(removed, i)
		}
	}
	list = append(list, comeAndGo(removed, added)...)
	slices.SortStableFunc(list, func(a, b Change) int { return cmp.Or(cmp.Compare(a.Folder, b.Folder), cmp.Compare(a.Object, b.Object)) })
	return list, nil
}

func changed(was, is *item) (Change, bool) {
	change := Change{Kind: Changed, Object: is.ID(), Folder: is.folder, Fields: compareValues(was.value, is.value), before: was, after: is}
	if was.folder != is.folder {
		change.Kind, change.From = Moved, was.folder
	}
	return change, change.Kind == Moved || len(change.Fields) > 0
}

// comeAndGo pairs removed objects with added ones of nearly the same content: these were renamed.
func comeAndGo(removed, added []*item) []Change {
	var list []Change
	taken := map[*item]bool{}
	for _, was := range removed {
		is := successor(was, added, taken)
		if is == nil {
			list = append(list, Change{Kind: Removed, Object: was.ID(), Folder: was.folder, before: was})
			continue
		}
		taken[is] = true
		fields := slices.DeleteFunc(compareValues(was.value, is.value), func(f Field) bool { return f.Path == "metadata.name" })
		list = append(list, Change{Kind: Renamed, Object: is.ID(), From: was.ID(), Folder: is.folder, Fields: fields, before: was, after: is})
	}
	for _, is := range added {
		if !taken[is] {
			list = append(list, Change{Kind: Added, Object: is.ID(), Folder: is.folder, after: is})
		}
	}
	return list
}

// Bounds of the search for renames: it compares each object that went with each that came.
const (
	maxCandidates = 200
	// alike is the part of the fields that must be the same.
	alike = 0.7
	// fewest is how much an object must say to be known again: a dozen service accounts look all the same.
	fewest = 3
)

// successor is the added object that took the place of one that went. Objects whose name is what they are, like a
// namespace, have none.
func successor(was *item, added []*item, taken map[*item]bool) *item {
	switch was.GetKind() {
	case "Namespace", "CustomResourceDefinition", "PersistentVolumeClaim":
		return nil
	}
	if len(added) > maxCandidates {
		return nil
	}
	var best *item
	most := alike
	leaves := flat(was.value)
	if len(leaves) < fewest {
		return nil
	}
	for _, is := range added {
		if taken[is] || is.GetKind() != was.GetKind() || is.GetNamespace() != was.GetNamespace() {
			continue
		}
		if likeness := similarity(leaves, flat(is.value)); likeness > most {
			best, most = is, likeness
		}
	}
	return best
}

// flat lists what an object says but for its kind, name and labels, which many share.
func flat(value map[string]any) map[string]string {
	leaves := map[string]string{}
	var walk func(path string, value any)
	walk = func(path string, value any) {
		switch v := value.(type) {
		case map[string]any:
			for name, field := range v {
				walk(path+"."+name, field)
			}
		case []any:
			for i, element := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), element)
			}
		default:
			leaves[path] = fmt.Sprint(v)
		}
	}
	for name, field := range value {
		if name != "metadata" && name != "apiVersion" && name != "kind" {
			walk(name, field)
		}
	}
	return leaves
}

func similarity(a, b map[string]string) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 0
	}
	same := 0
	for path, value := range a {
		if b[path] == value {
			same++
		}
	}
	return float64(same) / float64(max(len(a), len(b)))
}

// tenants are those whose folder came or went as a whole: their namespace, or their Flux Kustomization, did.
func tenants(changes []Change, kind string) []string {
	names := []string{}
	for _, change := range changes {
		i := cmp.Or(change.after, change.before)
		if change.Kind == kind && i.GetKind() == "Namespace" && i.tenant() != "" {
			names = append(names, i.tenant())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// groups sorts the changes into layers and components.
func groups(changes []Change) []Group {
	byName := map[string]*Group{}
	for _, change := range changes {
		name := cmp.Or(change.after, change.before).group()
		g := byName[name]
		if g == nil {
			g = &Group{Name: name}
			byName[name] = g
		}
		switch change.Kind {
		case Added:
			g.Added++
		case Removed:
			g.Removed++
		default:
			g.Changed++
		}
		g.Changes = append(g.Changes, change)
	}
	order := map[string]int{}
	for i, layer := range component.Layers() {
		order[string(layer)] = i
	}
	list := []Group{}
	for _, name := range slices.SortedFunc(maps.Keys(byName), func(a, b string) int {
		layerA, _, _ := strings.Cut(a, "/")
		layerB, _, _ := strings.Cut(b, "/")
		return cmp.Or(cmp.Compare(rank(order, layerA), rank(order, layerB)), cmp.Compare(a, b))
	}) {
		list = append(list, *byName[name])
	}
	return list
}

// rank puts folders that are no layer, like Flux's own, last.
func rank(order map[string]int, layer string) int {
	if i, ok := order[layer]; ok {
		return i
	}
	return len(order)
}
