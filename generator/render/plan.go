package render

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/component"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/sizing"
	"github.com/opsgen/opsgen/generator/tenant"
)

// clusterLayer is the folder that Flux begins with: the Git source and one Flux Kustomization for each unit.
const clusterLayer = "cluster"

// tenantNamespace is written as the namespace of components that only add to tenants.
const tenantNamespace = "tenant"

// plan is everything that is made for one cluster.
type plan struct {
	repository.Cluster
	repo    *repository.Repository
	sizing  sizing.Sizing
	tenants []*tenant.Tenant
	enabled []*component.Component
	// cluster is the value of every base's parameter of that name, but for its sizing.
	cluster map[string]any
	// clusterArguments are the same in JSON with the sizing of some components, by these components' names.
	clusterArguments map[string]string
	bundleArgument   string
	units            []*unit
	// mains are the components' main units by component; those that only have others have none.
	mains map[string]*unit
}

// unit is one folder of rendered files and one Flux Kustomization: small, independent, rendered by itself.
type unit struct {
	plan *plan
	// layer and name are the folder: <layer>/<name>.
	layer, name string
	// component is the first of parts; nil for the cluster's own folder.
	component *component.Component
	// namespace is where namespaced objects go that name none.
	namespace string
	// tenant is the tenant's name in the tenants layer.
	tenant string
	// zone is the zone's ID of a unit that is one zone's part.
	zone string
	// parts are the files that make the objects.
	parts []part
	// arguments are the values of the parameters of the bases' functions, in JSON.
	arguments map[string]string
	// result is set once the unit is rendered.
	result *result
}

// part is one file of a base.
type part struct {
	component *component.Component
	// file is relative to the repository.
	file string
	// chart says that the file yields Helm values.
	chart bool
}

// path is the unit's folder below rendered/.
func (u *unit) path() string { return path.Join(u.layer, u.name) }

// kustomization is the name of the unit's Flux Kustomization.
func (u *unit) kustomization() string {
	switch {
	case u.tenant != "":
		return "tenant-" + u.tenant
	case u.layer == clusterLayer:
		return u.name
	default:
		return u.layer + "-" + u.name
	}
}

// newPlan resolves what a cluster consists of.
func newPlan(repo *repository.Repository, c repository.Cluster) (*plan, error) {
	p := &plan{Cluster: c, repo: repo, mains: map[string]*unit{}}
	for _, t := range repo.Tenants {
		if t.On(c.Name) {
			p.tenants = append(p.tenants, t.For(c.Cluster))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(repo.Components)) {
		if p.isEnabled(repo.Components[name]) {
			p.enabled = append(p.enabled, repo.Components[name])
		}
	}
	var err error
	if p.sizing, err = sizing.Compute(c.Cluster, len(p.tenants)); err != nil {
		return nil, sizing.Locate(err, c.File)
	}
	if err := p.setArguments(); err != nil {
		return nil, err
	}
	return p, p.addUnits()
}

func (p *plan) isEnabled(c *component.Component) bool {
	if len(c.Providers) > 0 && !slices.Contains(c.Providers, p.Provider.Name) {
		return false
	}
	if c.BundledStorage && !p.BundledStorage() {
		return false
	}
	if override, ok := p.Cluster.Components[c.Name]; ok && override.Enabled != nil {
		return *override.Enabled
	}
	return !c.Disabled
}

// setArguments prepares the values that bases get: the cluster with everything that is computed from it, and the bundle.
func (p *plan) setArguments() error {
	value, err := toMap(p.Cluster.Cluster)
	if err != nil {
		return fmt.Errorf("pass cluster %s to the bases: %w", p.Name, err)
	}
	enabled := map[string]bool{}
	for _, c := range p.enabled {
		enabled[c.Name] = true
	}
	value["zones"] = append([]cluster.Zone{}, p.Zones()...) // a list even when it is empty
	value["bundledStorage"] = p.BundledStorage()
	value["objectStorage"] = p.objectStorage()
	value["enabled"] = enabled
	p.cluster, p.clusterArguments = value, map[string]string{}
	text, err := json.Marshal(map[string]any{"version": p.repo.Bundle.Version, "kubernetes": p.repo.Bundle.Kubernetes})
	p.bundleArgument = string(text)
	return err
}

// clusterArgument is the cluster as some components' bases see it. They see the sizing of these components only, without
// the reasons, so that a figure that grows with the number of tenants does not change what all others depend on.
func (p *plan) clusterArgument(components []string) (string, error) {
	names := strings.Join(components, " ")
	if text, ok := p.clusterArguments[names]; ok {
		return text, nil
	}
	sizes := sizing.Sizing{}
	for _, name := range components {
		sizes[name] = map[string]sizing.Workload{}
		for workload, size := range p.sizing[name] {
			size.Why, size.Tenants, size.Overridden = "", 0, false
			sizes[name][workload] = size
		}
	}
	value := maps.Clone(p.cluster)
	value["sizing"] = sizes
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("pass cluster %s to the bases: %w", p.Name, err)
	}
	p.clusterArguments[names] = string(text)
	return string(text), nil
}

// objectStorage is how components reach the buckets.
func (p *plan) objectStorage() map[string]any {
	storage := map[string]any{
		"kind": "s3", "endpoint": p.Provider.Storage.Endpoint, "region": p.Provider.Region,
		"insecure": false, "pathStyle": p.Provider.Name == "existing", "secret": p.Provider.Storage.Secret,
	}
	switch {
	case p.Provider.Name == "gcp":
		storage["kind"] = "gcs"
	case p.BundledStorage():
		storage["endpoint"] = "object-store.object-store.svc:7070"
		storage["insecure"] = true
		storage["secret"] = "object-store"
		storage["region"] = "us-east-1" // S3 clients must name one; the bundled server takes any
	}
	return storage
}

// facts are what overlays may read of a cluster (package overlay).
func (p *plan) facts() map[string]string {
	facts := map[string]string{
		"name": p.Name, "domain": p.Domain, "provider": p.Provider.Name, "region": p.Provider.Region,
		"account": p.Provider.Account, "zone-id": p.DNS.ZoneID, "private": fmt.Sprint(p.Options.PrivateLoadBalancer),
	}
	for _, c := range p.enabled {
		facts["identity."+c.Name] = p.Provider.Identities[c.Name]
	}
	return facts
}

// addUnits lists the units that the enabled components' files ask for. The units of the cluster's own folder follow
// when it is known which of these have objects.
func (p *plan) addUnits() error {
	all, err := arguments("tenants", withoutFiles(p.tenants))
	if err != nil {
		return err
	}
	keys, err := arguments("keys", p.Keys)
	if err != nil {
		return err
	}
	for _, c := range p.enabled {
		tenants, err := p.tenantsUnit(c, all)
		if err != nil {
			return err
		}
		err = errors.Join(
			p.add(&unit{layer: string(component.CRDs), name: c.Name}, c, "crds.jsonnet"),
			p.add(&unit{layer: string(c.Layer), name: c.Name}, c, "main.jsonnet", "chart.jsonnet"),
			p.add(&unit{layer: string(component.Config), name: c.Name}, c, "config.jsonnet"),
			p.addZones(c),
			p.add(tenants, c, "tenants.jsonnet"),
			// A unit of its own: a revocation changes one ConfigMap and renders nothing else.
			p.add(&unit{layer: string(component.Config), name: c.Name + "-keys", arguments: keys}, c, "keys.jsonnet"),
		)
		if err != nil {
			return err
		}
	}
	if err := p.addNamespaces(); err != nil {
		return err
	}
	return p.addTenants()
}

// add adds a unit made by those of the component's files that exist, if any does.
func (p *plan) add(u *unit, c *component.Component, files ...string) error {
	for _, file := range files {
		name := path.Join("bases", c.Name, file)
		if _, err := os.Stat(filepath.Join(p.repo.Root, filepath.FromSlash(name))); err == nil {
			u.parts = append(u.parts, part{component: c, file: name, chart: file == "chart.jsonnet"})
		}
	}
	if len(u.parts) == 0 {
		return nil
	}
	u.component = c
	if u.namespace == "" {
		u.namespace = c.Namespace
	}
	return p.append(u)
}

// append adds a unit that is complete but for what every base gets.
func (p *plan) append(u *unit) error {
	u.plan = p
	var components []string
	for _, part := range u.parts {
		components = append(components, part.component.Name)
	}
	clusterArgument, err := p.clusterArgument(slices.Compact(components))
	if err != nil {
		return err
	}
	all := map[string]string{"cluster": clusterArgument, "bundle": p.bundleArgument}
	maps.Copy(all, u.arguments)
	u.arguments = all
	p.units = append(p.units, u)
	if u.component != nil && u.layer == string(u.component.Layer) && u.name == u.component.Name {
		p.mains[u.name] = u
	}
	return nil
}

func (p *plan) addZones(c *component.Component) error {
	for _, zone := range p.Zones() {
		arguments, err := arguments("zone", zone)
		if err != nil {
			return err
		}
		u := &unit{layer: string(c.Layer), name: c.Name + "-zone-" + zone.ID, zone: zone.ID, arguments: arguments}
		if err := p.add(u, c, "zone.jsonnet"); err != nil {
			return err
		}
	}
	return nil
}

// addNamespaces adds the unit that makes the components' namespaces.
func (p *plan) addNamespaces() error {
	flux, ok := p.repo.Components["flux"]
	if !ok {
		return nil
	}
	levels := map[string]string{}
	for _, c := range p.enabled {
		if c.Namespace == tenantNamespace {
			continue
		}
		if levels[c.Namespace] == "" || c.Privileges != "" {
			levels[c.Namespace] = c.Privileges
		}
	}
	type namespace struct {
		Name       string `json:"name"`
		Privileges string `json:"privileges"`
	}
	namespaces := []namespace{}
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		level := levels[name]
		if level == "" {
			level = "restricted"
		}
		namespaces = append(namespaces, namespace{name, level})
	}
	arguments, err := arguments("namespaces", namespaces)
	if err != nil {
		return err
	}
	return p.add(&unit{layer: string(component.CRDs), name: "namespaces", arguments: arguments}, flux, "namespaces.jsonnet")
}

// addTenants adds one unit a tenant, made by all components that have something for tenants.
func (p *plan) addTenants() error {
	for _, t := range p.tenants {
		arguments, err := arguments("tenant", t)
		if err != nil {
			return err
		}
		u := &unit{layer: string(component.Tenants), name: t.Name, tenant: t.Name, namespace: "tenant-" + t.Name, arguments: arguments}
		for _, c := range p.enabled {
			file := path.Join("bases", c.Name, "tenant.jsonnet")
			if _, err := os.Stat(filepath.Join(p.repo.Root, filepath.FromSlash(file))); err == nil {
				u.parts = append(u.parts, part{component: c, file: file})
			}
		}
		if len(u.parts) > 0 {
			u.component = u.parts[0].component
			if err := p.append(u); err != nil {
				return err
			}
		}
	}
	return nil
}

// shard is the part of the tenants that a tenant belongs to, one hexadecimal digit. Shards keep the number of objects
// in each of Flux's builds small however many tenants there are.
func shard(tenantName string) string {
	sum := sha256.Sum256([]byte(tenantName))
	return fmt.Sprintf("%x", sum[0]>>4)
}

func arguments(name string, value any) (map[string]string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("pass %s to the bases: %w", name, err)
	}
	return map[string]string{name: string(text)}, nil
}

func toMap(value any) (map[string]any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(text, &m)
}
