package check

import (
	"fmt"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/opsgen/opsgen/generator/object"
)

// mayDoAnything are the bindings that cannot be narrower: kustomize-controller makes everything that is rendered.
var mayDoAnything = []string{"ClusterRoleBinding flux-kustomize-controller"}

// rights looks for roles and bindings that give more than is named.
func rights(s subject, typed runtime.Object) {
	switch o := typed.(type) {
	case *rbacv1.Role:
		wildcards(s, o.Rules)
	case *rbacv1.ClusterRole:
		wildcards(s, o.Rules)
	case *rbacv1.RoleBinding:
		clusterAdmin(s, o.RoleRef)
	case *rbacv1.ClusterRoleBinding:
		clusterAdmin(s, o.RoleRef)
	}
}

func wildcards(s subject, rules []rbacv1.PolicyRule) {
	for i, rule := range rules {
		for _, list := range []struct {
			name string
			list []string
		}{{"apiGroups", rule.APIGroups}, {"resources", rule.Resources}, {"verbs", rule.Verbs}} {
			if slices.Contains(list.list, "*") {
				s.add(ruleBroadRights, fmt.Sprintf("rules[%d].%s", i, list.name), "Name what is needed.", "%s are not named but all allowed", list.name)
			}
		}
	}
}

func clusterAdmin(s subject, role rbacv1.RoleRef) {
	if role.Name == "cluster-admin" && !slices.Contains(mayDoAnything, s.object.ID()) {
		s.add(ruleBroadRights, "roleRef.name", "Bind a role that names what is needed.", "cluster-admin may do everything")
	}
}

// secrets refuses Secrets that anybody who reads the repository could read.
func secrets(s subject) {
	if s.object.GetKind() != "Secret" || s.object.GetAPIVersion() != "v1" || encrypted(s.object) {
		return
	}
	for _, field := range []string{"data", "stringData"} {
		if content, ok := s.object.Object[field].(map[string]any); ok && len(content) > 0 {
			s.add(rulePlainSecret, field, "Encrypt it with SOPS, let the syncer or an external store make it, or promise it and refer to it.",
				"a Secret with data would be readable by everybody who can read the repository")
		}
	}
}

// encrypted says that SOPS encrypted the object; Flux turns it into the object that it is.
func encrypted(o *object.Object) bool {
	_, ok := o.Object["sops"].(map[string]any)
	return ok
}
