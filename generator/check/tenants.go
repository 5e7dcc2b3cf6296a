package check

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
)

// boundaries keep a tenant's objects in the tenant's namespace.
func (x *Index) boundaries(r *report) {
	for u, o := range objectsOf(x.units) {
		if u.Tenant == "" {
			continue
		}
		own := tenantPrefix + u.Tenant
		if namespace := o.GetNamespace(); namespace != own {
			if namespace == "" {
				namespace = "no namespace"
			}
			r.add(u, o, ruleTenantBoundary, "metadata.namespace", "Make it in another file of the base, for all tenants.",
				"is in %s, where the account that applies tenant %s may do nothing; it may work in %s", namespace, u.Tenant, own)
		}
	}
}

// applied says that Flux applies the tenant's units, as an account that may.
func (x *Index) applied(r *report) {
	if x.parent.flux.byFolder[clusterLayer] == nil {
		return // Flux's own objects are not among the platform's units
	}
	for i := range x.units {
		u := &x.units[i]
		if len(u.Objects) == 0 {
			continue
		}
		k := x.parent.flux.byFolder[u.folder()]
		if k == nil {
			r.add(u, &u.Objects[0], ruleKustomizationPath, "", "Give it one in bases/flux/shard.jsonnet.", "no Kustomization applies the folder %s", u.folder())
			continue
		}
		account := text(k.object.Object, "spec", "serviceAccountName")
		rules := x.rulesOf(k.object.GetNamespace(), account, tenantPrefix+u.Tenant)
		for j := range u.Objects {
			o := &u.Objects[j]
			resource, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
			if !slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool { return applies(rule, resource.Group, resource.Resource) }) {
				r.add(u, o, ruleTenantRights, "", "Add the kind to the tenants' role in bases/flux/main.jsonnet, or make it elsewhere.",
					"the account %s may not create and change %s in %s", account, strings.TrimSuffix(resource.Resource+"."+resource.Group, "."), tenantPrefix+u.Tenant)
			}
		}
	}
}

// applies says that a rule is enough to apply and to prune objects of a resource.
func applies(rule rbacv1.PolicyRule, group, resource string) bool {
	has := func(list []string, item string) bool {
		return slices.Contains(list, item) || slices.Contains(list, "*")
	}
	for _, verb := range []string{"get", "create", "patch", "delete"} {
		if !has(rule.Verbs, verb) {
			return false
		}
	}
	return has(rule.APIGroups, group) && has(rule.Resources, resource)
}

// rulesOf is what an account may do in a namespace.
func (x *Index) rulesOf(namespace, account, in string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for ; x != nil; x = x.parent {
		s := x.spaces[in]
		if s == nil {
			continue
		}
		for _, e := range s.bindings {
			binding := &rbacv1.RoleBinding{}
			if !convert(e.object.Object, binding) || !slices.ContainsFunc(binding.Subjects, func(subject rbacv1.Subject) bool {
				return subject.Kind == rbacv1.ServiceAccountKind && subject.Namespace == namespace && subject.Name == account
			}) {
				continue
			}
			rules = append(rules, x.role(binding.RoleRef, in)...)
		}
	}
	return rules
}

// role are the rules of a role that a binding in a namespace names.
func (x *Index) role(ref rbacv1.RoleRef, namespace string) []rbacv1.PolicyRule {
	if ref.Kind == "ClusterRole" {
		namespace = ""
		if ref.Name == "cluster-admin" || ref.Name == "admin" {
			return []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}}
		}
	}
	e := x.find(ref.Kind, namespace, ref.Name)
	role := &rbacv1.ClusterRole{}
	if e == nil || !convert(e.object.Object, role) {
		return nil
	}
	return role.Rules
}
