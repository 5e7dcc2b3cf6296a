package render

import (
	"maps"
	"path"
	"slices"

	"github.com/opsgen/opsgen/generator/component"
)

// syncUnit is what bases/flux/sync.jsonnet learns of a unit, to write its Flux Kustomization.
type syncUnit struct {
	// Name is the Kustomization's name ("platform-cortex").
	Name string `json:"name"`
	// Layer and Unit are the folder.
	Layer string `json:"layer"`
	Unit  string `json:"unit"`
	// Component is the folder of bases/ that made it.
	Component string `json:"component"`
	// Path is the folder in the repository.
	Path string `json:"path"`
	// DependsOn are the Kustomizations that must be ready first, sorted.
	DependsOn []string `json:"dependsOn"`
	// Zone is the zone's ID of a unit that is one zone's part of a component; empty otherwise.
	Zone string `json:"zone"`
	// Stateful keeps the objects when the Kustomization goes.
	Stateful bool `json:"stateful"`
	// Shard says that the unit holds the entries of a part of the tenants.
	Shard bool `json:"shard"`
	// Scaled are workloads of the unit whose number of pods an autoscaler decides on.
	Scaled []scaled `json:"scaled"`
	// Health are expressions for custom resources in the unit.
	Health []component.Health `json:"health"`
}

// addClusterUnits adds the folder that Flux begins with and the shards of tenants, once all other units are rendered.
func (p *plan) addClusterUnits() error {
	flux, ok := p.repo.Components["flux"]
	if !ok || !p.isEnabled(flux) {
		return nil
	}
	shards := p.shards()
	for _, digit := range slices.Sorted(maps.Keys(shards)) {
		values, err := arguments("tenants", shards[digit])
		if err != nil {
			return err
		}
		name, err := arguments("shard", digit)
		if err != nil {
			return err
		}
		maps.Copy(values, name)
		if err := p.add(&unit{layer: clusterLayer, name: "tenants-" + digit, arguments: values}, flux, "shard.jsonnet"); err != nil {
			return err
		}
	}
	values, err := arguments("units", p.syncUnits(slices.Sorted(maps.Keys(shards))))
	if err != nil {
		return err
	}
	return p.add(&unit{layer: clusterLayer, arguments: values}, flux, "sync.jsonnet")
}

// shards are the names of tenants by shard, for tenants that have objects.
func (p *plan) shards() map[string][]string {
	shards := map[string][]string{}
	for _, u := range p.units {
		if u.tenant != "" && !u.empty() {
			digit := shard(u.tenant)
			shards[digit] = append(shards[digit], u.tenant)
		}
	}
	return shards
}

// syncUnits lists the units with what each must wait for: all units of the layer before, required components of its
// own layer, and for a zone the zone before it, so that never two zones restart at a time.
func (p *plan) syncUnits(shards []string) []syncUnit {
	units := []syncUnit{}
	var before, layer []string
	var all []scaled
	for _, u := range p.units {
		if !u.empty() {
			all = append(all, u.result.Scaled...)
		}
	}
	for _, name := range component.Layers() {
		layer = nil
		for _, u := range p.units {
			if u.layer != string(name) || u.tenant != "" || u.empty() {
				continue
			}
			entry := p.syncUnit(u, before)
			entry.Scaled = u.scaledIn(all)
			units = append(units, entry)
			layer = append(layer, u.kustomization())
		}
		if len(layer) > 0 {
			before = layer
		}
	}
	for _, digit := range shards {
		folder := "tenants-" + digit
		units = append(units, syncUnit{
			Name: folder, Layer: string(component.Tenants), Unit: folder, Component: "flux", Shard: true,
			Path:      p.renderedPath(path.Join(clusterLayer, folder)),
			DependsOn: append([]string{}, slices.Sorted(slices.Values(before))...),
			Health:    []component.Health{}, Scaled: []scaled{},
		})
	}
	return units
}

func (p *plan) syncUnit(u *unit, before []string) syncUnit {
	dependsOn := slices.Clone(before)
	if u.layer == string(u.component.Layer) {
		for _, required := range u.component.Requires {
			if p.has(u.layer, required) {
				dependsOn = append(dependsOn, u.layer+"-"+required)
			}
		}
	}
	if u.zone != "" {
		switch previous := u.component.Name + "-zone-" + string(u.zone[0]-1); {
		case p.has(u.layer, previous):
			dependsOn = append(dependsOn, u.layer+"-"+previous)
		case p.has(u.layer, u.component.Name):
			dependsOn = append(dependsOn, u.layer+"-"+u.component.Name)
		}
	}
	slices.Sort(dependsOn)
	return syncUnit{
		Name: u.kustomization(), Layer: u.layer, Unit: u.name, Component: u.component.Name, Zone: u.zone,
		Path:      p.renderedPath(u.path()),
		DependsOn: append([]string{}, slices.Compact(dependsOn)...), Stateful: u.component.Stateful,
		Health: append([]component.Health{}, u.component.Health...), Scaled: []scaled{},
	}
}

// has says that a unit with objects is in a folder.
func (p *plan) has(layer, name string) bool {
	return slices.ContainsFunc(p.units, func(u *unit) bool { return u.layer == layer && u.name == name && !u.empty() })
}

func (p *plan) renderedPath(folder string) string {
	return path.Join("clusters", p.Name, "rendered", folder)
}
