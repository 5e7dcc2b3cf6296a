package check

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
)

// podSecurity applies the namespace's Pod Security level by the API server's own code.
func (x *Index) podSecurity(s subject, p *podSet) {
	level := api.LevelRestricted
	if written := x.namespaceLabels(p.namespace)[api.EnforceLevelLabel]; written != "" {
		level = api.Level(written)
	}
	lv := api.LevelVersion{Level: level, Version: api.LatestVersion()}
	for _, result := range x.checker.security.EvaluatePod(lv, &p.template.ObjectMeta, p.spec()) {
		if result.Allowed {
			continue
		}
		s.add(rulePodSecurity, p.at("securityContext"), securityHint(p.spec()), "%s: %s (Pod Security level %s of namespace %s)",
			result.ForbiddenReason, result.ForbiddenDetail, level, p.namespace)
	}
}

func securityHint(spec *corev1.PodSpec) string {
	if spec.SecurityContext == nil {
		return "Build the pod with k.pod and k.container."
	}
	return ""
}
