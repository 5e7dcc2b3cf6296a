package schema

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

func (c *checked) configMap(m *corev1.ConfigMap) {
	for _, key := range sortedKeys(m.Data) {
		c.refused("data", key, validation.IsConfigMapKey(key))
		if _, both := m.BinaryData[key]; both {
			c.value(join("binaryData", key), "Keep one of the two.", "the key is in data too")
		}
	}
	for _, key := range sortedKeys(m.BinaryData) {
		c.refused("binaryData", key, validation.IsConfigMapKey(key))
	}
}

// secretKeys are the keys that a Secret of a type must have.
var secretKeys = map[corev1.SecretType][]string{
	corev1.SecretTypeTLS:              {corev1.TLSCertKey, corev1.TLSPrivateKeyKey},
	corev1.SecretTypeDockerConfigJson: {corev1.DockerConfigJsonKey},
	corev1.SecretTypeSSHAuth:          {corev1.SSHAuthPrivateKey},
}

func (c *checked) secret(s *corev1.Secret) {
	for _, key := range sortedKeys(s.Data) {
		c.refused("data", key, validation.IsConfigMapKey(key))
	}
	for _, key := range sortedKeys(s.StringData) {
		c.refused("stringData", key, validation.IsConfigMapKey(key))
	}
	for _, key := range secretKeys[s.Type] {
		_, data := s.Data[key]
		if _, text := s.StringData[key]; !data && !text {
			c.value("data", "", "a Secret of type %s has a key %q", s.Type, key)
		}
	}
}

func (c *checked) rules(rules []rbacv1.PolicyRule, clusterWide bool) {
	for i, rule := range rules {
		here := at("rules", i)
		if len(rule.Verbs) == 0 {
			c.value(here+".verbs", "", "is missing")
		}
		if len(rule.NonResourceURLs) > 0 {
			if !clusterWide {
				c.value(here+".nonResourceURLs", "Put them into a ClusterRole.", "a Role cannot have them")
			}
			if len(rule.Resources)+len(rule.APIGroups)+len(rule.ResourceNames) > 0 {
				c.value(here, "Make two rules.", "a rule is about resources or about nonResourceURLs, not both")
			}
			continue
		}
		if len(rule.APIGroups) == 0 {
			c.value(here+".apiGroups", `Write [""] for the core group.`, "is missing")
		}
		if len(rule.Resources) == 0 {
			c.value(here+".resources", "", "is missing")
		}
	}
}

func (c *checked) binding(role rbacv1.RoleRef, subjects []rbacv1.Subject, kinds ...string) {
	if role.APIGroup != rbacv1.GroupName {
		c.value("roleRef.apiGroup", "Write "+rbacv1.GroupName+".", "%q is not the group of roles", role.APIGroup)
	}
	if !slices.Contains(kinds, role.Kind) {
		c.value("roleRef.kind", "Write "+strings.Join(kinds, " or ")+".", "%q cannot be bound here", role.Kind)
	}
	if role.Name == "" {
		c.value("roleRef.name", "", "is missing")
	}
	for i, subject := range subjects {
		here := at("subjects", i)
		if subject.Name == "" {
			c.value(here+".name", "", "is missing")
		}
		switch subject.Kind {
		case rbacv1.ServiceAccountKind:
			if subject.Namespace == "" {
				c.value(here+".namespace", "", "is missing; a service account lives in one")
			}
			if subject.APIGroup != "" {
				c.value(here+".apiGroup", "Leave it out.", "a ServiceAccount has no group, but %q is written", subject.APIGroup)
			}
		case rbacv1.UserKind, rbacv1.GroupKind:
			if subject.APIGroup != rbacv1.GroupName {
				c.value(here+".apiGroup", "Write "+rbacv1.GroupName+".", "%q is not the group of users and groups", subject.APIGroup)
			}
		default:
			c.value(here+".kind", "Write ServiceAccount, User or Group.", "%s", fmt.Sprintf("%q cannot be a subject", subject.Kind))
		}
	}
}
