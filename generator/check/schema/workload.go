package schema

import (
	"regexp"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
)

func (c *checked) deployment(d *appsv1.Deployment) {
	c.replicas(d.Spec.Replicas)
	c.template(&d.Spec.Template, d.Spec.Selector, "spec", nil)
	strategy := d.Spec.Strategy
	oneOf(c, "spec.strategy.type", strategy.Type, appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType)
	if strategy.RollingUpdate == nil {
		return
	}
	if strategy.Type == appsv1.RecreateDeploymentStrategyType {
		c.value("spec.strategy.rollingUpdate", "Leave it out.", "strategy Recreate takes no rollingUpdate")
	}
	surge, unavailable := strategy.RollingUpdate.MaxSurge, strategy.RollingUpdate.MaxUnavailable
	c.share("spec.strategy.rollingUpdate.maxSurge", surge)
	c.share("spec.strategy.rollingUpdate.maxUnavailable", unavailable)
	if surge != nil && unavailable != nil && zero(*surge) && zero(*unavailable) {
		c.value("spec.strategy.rollingUpdate", "Let one of them be 1.", "maxSurge and maxUnavailable are both 0: no pod could ever be replaced")
	}
}

func zero(share intstr.IntOrString) bool {
	return share.IntVal == 0 && (share.Type == intstr.Int || share.StrVal == "0%")
}

// share checks a number or a percentage.
func (c *checked) share(path string, share *intstr.IntOrString) {
	if share == nil {
		return
	}
	if share.Type == intstr.String {
		c.refused(path, share.StrVal, validation.IsValidPercent(share.StrVal))
	} else if share.IntVal < 0 {
		c.value(path, "", "%d is negative", share.IntVal)
	}
}

func (c *checked) replicas(replicas *int32) {
	if replicas != nil && *replicas < 0 {
		c.value("spec.replicas", "", "%d is negative", *replicas)
	}
}

func (c *checked) statefulSet(s *appsv1.StatefulSet) {
	c.replicas(s.Spec.Replicas)
	claims, names := make([]string, 0, len(s.Spec.VolumeClaimTemplates)), unique{}
	for i, claim := range s.Spec.VolumeClaimTemplates {
		here := at("spec.volumeClaimTemplates", i)
		names.add(c, here+".metadata.name", "claim", claim.Name)
		c.refused(here+".metadata.name", claim.Name, validation.IsDNS1123Label(claim.Name))
		c.claim(&claim.Spec, here+".spec")
		claims = append(claims, claim.Name)
	}
	c.template(&s.Spec.Template, s.Spec.Selector, "spec", claims)
	oneOf(c, "spec.podManagementPolicy", s.Spec.PodManagementPolicy, appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement)
	oneOf(c, "spec.updateStrategy.type", s.Spec.UpdateStrategy.Type, appsv1.RollingUpdateStatefulSetStrategyType, appsv1.OnDeleteStatefulSetStrategyType)
	if s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType && s.Spec.UpdateStrategy.RollingUpdate != nil {
		c.value("spec.updateStrategy.rollingUpdate", "Leave it out.", "strategy OnDelete takes no rollingUpdate")
	}
}

// template checks the pod template of a workload that must always run, and that its selector finds its pods.
func (c *checked) template(template *corev1.PodTemplateSpec, selector *metav1.LabelSelector, path string, claims []string) {
	c.labels(template.Labels, path+".template.metadata.labels")
	c.annotations(template.Annotations, path+".template.metadata.annotations")
	c.pod(&template.Spec, path+".template.spec", claims, corev1.RestartPolicyAlways)
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		c.value(path+".selector", "Write matchLabels with the labels of the pod template.", "is missing or empty")
		return
	}
	before := len(c.problems)
	c.selector(selector, path+".selector")
	if len(c.problems) > before {
		return
	}
	if s, err := metav1.LabelSelectorAsSelector(selector); err == nil && !s.Matches(labels.Set(template.Labels)) {
		c.value(path+".selector", "Give the template these labels.", "does not match the labels of the pod template (%s)", labels.Set(template.Labels))
	}
}

func (c *checked) jobTemplate(job *batchv1.JobSpec, path string) {
	c.labels(job.Template.Labels, path+".template.metadata.labels")
	c.pod(&job.Template.Spec, path+".template.spec", nil, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
	for _, number := range []struct {
		name  string
		value *int32
	}{
		{"backoffLimit", job.BackoffLimit},
		{"parallelism", job.Parallelism},
		{"completions", job.Completions},
		{"ttlSecondsAfterFinished", job.TTLSecondsAfterFinished},
	} {
		if number.value != nil && *number.value < 0 {
			c.value(path+"."+number.name, "", "%d is negative", *number.value)
		}
	}
}

var scheduleField = regexp.MustCompile(`^(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?(,(\*|[0-9A-Za-z]+(-[0-9A-Za-z]+)?)(/[0-9]+)?)*$`)

var scheduleNames = map[string]bool{
	"@yearly": true, "@annually": true, "@monthly": true, "@weekly": true, "@daily": true, "@midnight": true, "@hourly": true,
}

func (c *checked) cronJob(job *batchv1.CronJob) {
	fields := strings.Fields(job.Spec.Schedule)
	valid := len(fields) == 5
	for _, f := range fields {
		valid = valid && scheduleField.MatchString(f)
	}
	if !valid && !scheduleNames[job.Spec.Schedule] && !strings.HasPrefix(job.Spec.Schedule, "@every ") {
		c.value("spec.schedule", "Write five fields: minute hour day month weekday.", "%q is not a cron schedule", job.Spec.Schedule)
	}
	oneOf(c, "spec.concurrencyPolicy", job.Spec.ConcurrencyPolicy, batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent)
	c.jobTemplate(&job.Spec.JobTemplate.Spec, "spec.jobTemplate.spec")
}

func (c *checked) claim(claim *corev1.PersistentVolumeClaimSpec, path string) {
	if len(claim.AccessModes) == 0 {
		c.value(path+".accessModes", "Write [ReadWriteOnce].", "is missing")
	}
	for i, mode := range claim.AccessModes {
		oneOf(c, at(path+".accessModes", i), mode, corev1.ReadWriteOnce, corev1.ReadOnlyMany, corev1.ReadWriteMany, corev1.ReadWriteOncePod)
	}
	storage, ok := claim.Resources.Requests[corev1.ResourceStorage]
	if !ok || storage.Sign() <= 0 {
		c.value(path+".resources.requests.storage", "", "is missing or not above zero")
	}
}

func (c *checked) budget(budget *policyv1.PodDisruptionBudget) {
	spec := budget.Spec
	switch {
	case spec.MinAvailable != nil && spec.MaxUnavailable != nil:
		c.value("spec", "Keep maxUnavailable: it stays right when replicas change.", "minAvailable and maxUnavailable cannot both be set")
	case spec.MinAvailable == nil && spec.MaxUnavailable == nil:
		c.value("spec", "Write maxUnavailable: 1.", "neither minAvailable nor maxUnavailable is set")
	}
	c.share("spec.minAvailable", spec.MinAvailable)
	c.share("spec.maxUnavailable", spec.MaxUnavailable)
	c.selector(spec.Selector, "spec.selector")
	if policy := spec.UnhealthyPodEvictionPolicy; policy != nil {
		oneOf(c, "spec.unhealthyPodEvictionPolicy", *policy, policyv1.IfHealthyBudget, policyv1.AlwaysAllow)
	}
}

func (c *checked) autoscaler(a *autoscalingv2.HorizontalPodAutoscaler) {
	least := int32(1)
	if a.Spec.MinReplicas != nil {
		least = *a.Spec.MinReplicas
	}
	if least < 1 {
		c.value("spec.minReplicas", "", "must be at least 1, but is %s", strconv.Itoa(int(least)))
	}
	if a.Spec.MaxReplicas < least {
		c.value("spec.maxReplicas", "", "%d is below minReplicas %d", a.Spec.MaxReplicas, least)
	}
	if a.Spec.ScaleTargetRef.Kind == "" || a.Spec.ScaleTargetRef.Name == "" {
		c.value("spec.scaleTargetRef", "", "kind or name is missing")
	}
}
