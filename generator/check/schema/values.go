package schema

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// values checks what the API server checks after decoding, by kind.
func (c *checked) values(typed runtime.Object) {
	switch o := typed.(type) {
	case *appsv1.Deployment:
		c.deployment(o)
	case *appsv1.StatefulSet:
		c.statefulSet(o)
	case *appsv1.DaemonSet:
		c.template(&o.Spec.Template, o.Spec.Selector, "spec", nil)
	case *batchv1.Job:
		c.jobTemplate(&o.Spec, "spec")
	case *batchv1.CronJob:
		c.cronJob(o)
	case *corev1.Pod:
		c.pod(&o.Spec, "spec", nil)
	case *corev1.Service:
		c.service(o)
	case *corev1.ConfigMap:
		c.configMap(o)
	case *corev1.Secret:
		c.secret(o)
	case *corev1.PersistentVolumeClaim:
		c.claim(&o.Spec, "spec")
	default:
		c.rights(typed)
		c.limits(typed)
	}
}

// limits checks what bounds workloads.
func (c *checked) limits(typed runtime.Object) {
	switch o := typed.(type) {
	case *networkingv1.NetworkPolicy:
		c.networkPolicy(o)
	case *policyv1.PodDisruptionBudget:
		c.budget(o)
	case *autoscalingv2.HorizontalPodAutoscaler:
		c.autoscaler(o)
	}
}

// rights checks roles and their bindings.
func (c *checked) rights(typed runtime.Object) {
	switch o := typed.(type) {
	case *rbacv1.Role:
		c.rules(o.Rules, false)
	case *rbacv1.ClusterRole:
		c.rules(o.Rules, true)
	case *rbacv1.RoleBinding:
		c.binding(o.RoleRef, o.Subjects, "Role", "ClusterRole")
	case *rbacv1.ClusterRoleBinding:
		c.binding(o.RoleRef, o.Subjects, "ClusterRole")
	}
}
