package check

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// references finds names of objects that nothing makes.
func (x *Index) references(s subject) {
	o := s.object
	group, _, _ := strings.Cut(o.GetAPIVersion(), "/")
	switch {
	case group == rbacv1.GroupName:
		x.bindingReferences(s)
	case group == certificateGroup:
		x.certificateReferences(s)
	case group == kustomizationGroup || group == sourceGroup:
		x.fluxReferences(s)
	case o.GetKind() == "HorizontalPodAutoscaler":
		target := func(key string) string { return text(o.Object, "spec", "scaleTargetRef", key) }
		x.refer(s, "spec.scaleTargetRef", target("kind"), o.GetNamespace(), target("name"))
	case o.GetKind() == "CustomResourceDefinition":
		x.webhook(s, "spec.conversion.webhook.clientConfig", o.Object, "spec", "conversion", "webhook", "clientConfig")
	case strings.HasSuffix(o.GetKind(), "WebhookConfiguration"):
		list, _ := o.Object["webhooks"].([]any)
		for i, item := range list {
			hook, _ := item.(map[string]any)
			x.webhook(s, fmt.Sprintf("webhooks[%d].clientConfig", i), hook, "clientConfig")
		}
	default:
		if w := workloadIn(o); w != nil {
			x.podReferences(s, w)
		}
	}
}

// refer reports a name that nothing makes.
func (x *Index) refer(s subject, path, kind, namespace, name string) bool {
	if name == "" || x.exists(kind, namespace, name) {
		return true
	}
	hint := "Correct the name, or make it."
	if kind == "Secret" {
		hint = "Correct the name; or name it in " + makesAnnotation + " of what makes it; or promise it."
	}
	s.add(ruleReference, path, hint, "nothing makes %s", strings.TrimSpace(kind+" "+strings.TrimPrefix(namespace+"/"+name, "/")))
	return false
}

// referKeys reports a missing object, or keys that it does not have.
func (x *Index) referKeys(s subject, path, kind, namespace, name string, optional *bool, keys ...string) {
	if optional != nil && *optional || kind == "ConfigMap" && name == "kube-root-ca.crt" {
		return
	}
	if !x.refer(s, path, kind, namespace, name) {
		return
	}
	e := x.find(kind, namespace, name)
	if e == nil {
		return // made at run time: its keys are unknown
	}
	known := map[string]bool{}
	for _, field := range []string{"data", "binaryData", "stringData"} {
		content, _ := e.object.Object[field].(map[string]any)
		for key := range content {
			known[key] = true
		}
	}
	if kind == "Secret" && len(known) == 0 {
		return // someone else fills it
	}
	for _, key := range keys {
		if !known[key] {
			s.add(ruleReferenceKey, path, "Its keys are: "+strings.Join(sortedKeys(known), ", ")+".", "%s %s/%s has no key %q", kind, namespace, name, key)
		}
	}
}

func (x *Index) podReferences(s subject, w *workload) {
	spec, ns := w.spec(), w.namespace
	if name := spec.ServiceAccountName; name != "default" {
		x.refer(s, w.at("serviceAccountName"), "ServiceAccount", ns, name)
	}
	if !strings.HasPrefix(spec.PriorityClassName, "system-") {
		x.refer(s, w.at("priorityClassName"), "PriorityClass", "", spec.PriorityClassName)
	}
	if w.stateful != nil {
		x.refer(s, "spec.serviceName", "Service", ns, w.stateful.Spec.ServiceName)
	}
	for i, secret := range spec.ImagePullSecrets {
		x.refer(s, w.at(fmt.Sprintf("imagePullSecrets[%d]", i)), "Secret", ns, secret.Name)
	}
	for i := range spec.Volumes {
		x.volumeReferences(s, w, &spec.Volumes[i], w.at(fmt.Sprintf("volumes[%d]", i)))
	}
	for c := range w.containers() {
		for i, env := range c.Env {
			path := fmt.Sprintf("%s.env[%d].valueFrom", c.path, i)
			if env.ValueFrom == nil {
				continue
			}
			if ref := env.ValueFrom.SecretKeyRef; ref != nil {
				x.referKeys(s, path, "Secret", ns, ref.Name, ref.Optional, ref.Key)
			}
			if ref := env.ValueFrom.ConfigMapKeyRef; ref != nil {
				x.referKeys(s, path, "ConfigMap", ns, ref.Name, ref.Optional, ref.Key)
			}
		}
		for i, from := range c.EnvFrom {
			path := fmt.Sprintf("%s.envFrom[%d]", c.path, i)
			if ref := from.SecretRef; ref != nil {
				x.referKeys(s, path, "Secret", ns, ref.Name, ref.Optional)
			}
			if ref := from.ConfigMapRef; ref != nil {
				x.referKeys(s, path, "ConfigMap", ns, ref.Name, ref.Optional)
			}
		}
	}
}

func (x *Index) volumeReferences(s subject, w *workload, v *corev1.Volume, path string) {
	ns := w.namespace
	switch {
	case v.ConfigMap != nil:
		x.referKeys(s, path, "ConfigMap", ns, v.ConfigMap.Name, v.ConfigMap.Optional, append(itemKeys(v.ConfigMap.Items), subPaths(w, v, v.ConfigMap.Items)...)...)
	case v.Secret != nil:
		x.referKeys(s, path, "Secret", ns, v.Secret.SecretName, v.Secret.Optional, append(itemKeys(v.Secret.Items), subPaths(w, v, v.Secret.Items)...)...)
	case v.PersistentVolumeClaim != nil:
		x.refer(s, path, "PersistentVolumeClaim", ns, v.PersistentVolumeClaim.ClaimName)
	case v.Projected != nil:
		for i, source := range v.Projected.Sources {
			here := fmt.Sprintf("%s.projected.sources[%d]", path, i)
			if source.ConfigMap != nil {
				x.referKeys(s, here, "ConfigMap", ns, source.ConfigMap.Name, source.ConfigMap.Optional, itemKeys(source.ConfigMap.Items)...)
			}
			if source.Secret != nil {
				x.referKeys(s, here, "Secret", ns, source.Secret.Name, source.Secret.Optional, itemKeys(source.Secret.Items)...)
			}
		}
	}
}

func itemKeys(items []corev1.KeyToPath) []string {
	keys := make([]string, 0, len(items))
	for _, item := range items {
		keys = append(keys, item.Key)
	}
	return keys
}

// subPaths are the keys of a volume that are mounted one by one.
func subPaths(w *workload, v *corev1.Volume, items []corev1.KeyToPath) []string {
	if len(items) > 0 {
		return nil // sub-paths are then the items' paths
	}
	var keys []string
	for c := range w.containers() {
		for _, mount := range c.VolumeMounts {
			if mount.Name == v.Name && mount.SubPath != "" {
				keys = append(keys, mount.SubPath)
			}
		}
	}
	return keys
}

// builtInRoles are made by Kubernetes itself, as is every role whose name begins with "system:".
var builtInRoles = []string{"cluster-admin", "admin", "edit", "view"}

func (x *Index) bindingReferences(s subject) {
	o := s.object
	kind, name := text(o.Object, "roleRef", "kind"), text(o.Object, "roleRef", "name")
	switch {
	case kind == "ClusterRole" && !slices.Contains(builtInRoles, name) && !strings.HasPrefix(name, "system:"):
		x.refer(s, "roleRef", kind, "", name)
	case kind == "Role" && o.GetNamespace() != "kube-system":
		x.refer(s, "roleRef", kind, o.GetNamespace(), name)
	}
	subjects, _ := o.Object["subjects"].([]any)
	for i, item := range subjects {
		account, _ := item.(map[string]any)
		namespace, name := text(account, "namespace"), text(account, "name")
		if text(account, "kind") == rbacv1.ServiceAccountKind && namespace != "kube-system" && name != "default" {
			x.refer(s, fmt.Sprintf("subjects[%d]", i), "ServiceAccount", namespace, name)
		}
	}
}

func (x *Index) webhook(s subject, path string, content map[string]any, keys ...string) {
	config, _ := field(content, append(keys, "service")...)
	target, _ := config.(map[string]any)
	if name := text(target, "name"); name != "" {
		x.refer(s, path+".service", "Service", text(target, "namespace"), name)
	}
}
