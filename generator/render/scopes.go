package render

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/opsgen/opsgen/generator/object"
)

// scopes says which kinds have a namespace: "group/Kind" of those that have none.
type scopes map[string]bool

// builtIn are the kinds without a namespace that Kubernetes 1.36 brings itself (kubernetes, api/openapi-spec, v1.36).
var builtIn = []string{
	"/Namespace", "/Node", "/PersistentVolume",
	"admissionregistration.k8s.io/ValidatingWebhookConfiguration", "admissionregistration.k8s.io/MutatingWebhookConfiguration",
	"admissionregistration.k8s.io/ValidatingAdmissionPolicy", "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
	"admissionregistration.k8s.io/MutatingAdmissionPolicy", "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding",
	"apiextensions.k8s.io/CustomResourceDefinition", "apiregistration.k8s.io/APIService",
	"certificates.k8s.io/CertificateSigningRequest", "certificates.k8s.io/ClusterTrustBundle",
	"flowcontrol.apiserver.k8s.io/FlowSchema", "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration",
	"networking.k8s.io/IngressClass", "networking.k8s.io/IPAddress", "networking.k8s.io/ServiceCIDR", "node.k8s.io/RuntimeClass",
	"rbac.authorization.k8s.io/ClusterRole", "rbac.authorization.k8s.io/ClusterRoleBinding",
	"resource.k8s.io/DeviceClass", "resource.k8s.io/ResourceSlice", "scheduling.k8s.io/PriorityClass",
	"storage.k8s.io/CSIDriver", "storage.k8s.io/CSINode", "storage.k8s.io/StorageClass", "storage.k8s.io/VolumeAttachment",
	"storage.k8s.io/VolumeAttributesClass",
}

// newScopes knows the built-in kinds and those of custom resource definitions.
func newScopes(definitions []object.Object) scopes {
	s := scopes{}
	for _, kind := range builtIn {
		s[kind] = true
	}
	for _, definition := range definitions {
		group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
		kind, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "kind")
		scope, _, _ := unstructured.NestedString(definition.Object, "spec", "scope")
		if scope == "Cluster" {
			s[group+"/"+kind] = true
		}
	}
	return s
}

func (s scopes) namespaced(o object.Object) bool {
	group, _, found := strings.Cut(o.GetAPIVersion(), "/")
	if !found {
		group = ""
	}
	return !s[group+"/"+o.GetKind()]
}
