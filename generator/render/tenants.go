package render

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/opsgen/opsgen/generator/component"
	"github.com/opsgen/opsgen/generator/dashboard"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/generator/object"
	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/rule"
	"github.com/opsgen/opsgen/generator/tenant"
)

// tenantsUnit is what a component makes for all tenants together. Only a base that takes `removed` is told which tenants
// were removed from the cluster: others have nothing to do for them.
func (p *plan) tenantsUnit(c *component.Component, tenants map[string]string) (*unit, error) {
	u := &unit{layer: string(component.Config), name: c.Name + "-tenants", arguments: tenants}
	text, err := os.ReadFile(filepath.Join(p.repo.Root, "bases", c.Name, "tenants.jsonnet"))
	if err != nil {
		return u, nil // there is none; anything else is said where it is evaluated
	}
	if !slices.Contains(jsonnet.Parameters(path.Join("bases", c.Name, "tenants.jsonnet"), string(text)), "removed") {
		return u, nil
	}
	removed := []repository.Removed{}
	for _, r := range p.repo.Removed {
		if slices.Contains(r.Clusters, p.Name) || slices.Contains(r.Clusters, tenant.Everywhere) {
			removed = append(removed, r)
		}
	}
	more, err := arguments("removed", removed)
	if err != nil {
		return nil, err
	}
	maps.Copy(more, tenants)
	u.arguments = more
	return u, nil
}

// withoutFiles are the tenants as a base sees them that is for all of them: a changed dashboard is not its concern, and the
// files of thousands of tenants would be much to read.
func withoutFiles(tenants []*tenant.Tenant) []tenant.Tenant {
	plain := make([]tenant.Tenant, len(tenants))
	for i, t := range tenants {
		plain[i] = *t
		plain[i].Files = tenant.Files{}
	}
	return plain
}

// mostData is what the API server takes in one ConfigMap (k8s.io/api, core/v1, MaxSecretSize).
const mostData = 1 << 20

// fitting refuses a ConfigMap that the API server would refuse: of thousands of tenants' limits, say.
func fitting(objects []object.Object) error {
	var problems document.Problems
	for _, o := range objects {
		if o.GetKind() != "ConfigMap" {
			continue
		}
		size := 0
		data, _ := o.Object["data"].(map[string]any)
		for _, value := range data {
			text, _ := value.(string)
			size += len(text)
		}
		if size > mostData {
			problems = append(problems, document.Problem{
				File: o.Origin, Message: fmt.Sprintf("ConfigMap %s has %d bytes, and at most %d are stored", o.GetName(), size, mostData),
				Hint: "If it grows with the tenants, move some of them to another cluster (docs/tenants.md, Many tenants).",
			})
		}
	}
	return problems.Err()
}

// checkDashboards refuses what the tenant's Grafana would not load. It is done where a tenant is rendered anew: a thousand
// others that did not change are not read again.
func (u *unit) checkDashboards() error {
	if u.tenant == "" {
		return nil
	}
	at := slices.IndexFunc(u.plan.tenants, func(t *tenant.Tenant) bool { return t.Name == u.tenant })
	if at < 0 {
		return nil
	}
	var boards []*dashboard.Dashboard
	var problems document.Problems
	files := u.plan.tenants[at].Files.Dashboards
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file := path.Join("tenants", u.tenant, tenant.DashboardsFolder, name)
		board, found, _ := dashboard.Check(file, files[name], rule.CheckPromQL, u.tenant == tenant.System)
		boards, problems = append(boards, board), append(problems, found...)
	}
	return append(problems, dashboard.Clashes(boards)...).Err()
}
