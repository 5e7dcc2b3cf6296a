package check

import (
	"cmp"
	"strings"
)

// certificateReferences follows issuers, and the Secrets of issuers.
func (x *Index) certificateReferences(s subject) {
	o := s.object
	switch o.GetKind() {
	case "Certificate":
		ref := func(key string) string { return text(o.Object, "spec", "issuerRef", key) }
		if group := cmp.Or(ref("group"), certificateGroup); group != certificateGroup {
			return // an issuer of another project
		}
		kind, namespace := cmp.Or(ref("kind"), "Issuer"), ""
		if kind == "Issuer" {
			namespace = o.GetNamespace()
		}
		x.refer(s, "spec.issuerRef", kind, namespace, ref("name"))
	case "Issuer":
		x.refer(s, "spec.ca.secretName", "Secret", o.GetNamespace(), text(o.Object, "spec", "ca", "secretName"))
	case "ClusterIssuer":
		// Secrets of cluster issuers are in cert-manager's own namespace.
		x.refer(s, "spec.ca.secretName", "Secret", "cert-manager", text(o.Object, "spec", "ca", "secretName"))
	}
}

// certificateSecrets finds Secrets that somebody else writes too (K5).
func (x *Index) certificateSecrets(r *report) {
	for _, key := range sortedKeys(x.certificates) {
		entries := x.certificates[key]
		namespace, name, _ := strings.Cut(key, "/")
		other := ""
		if secret := x.find("Secret", namespace, name); secret != nil {
			other = secret.object.ID() + " in " + secret.unit.folder()
		}
		if x.parent != nil && len(x.parent.certificates[key]) > 0 {
			other = x.parent.certificates[key][0].object.ID()
		}
		for i, e := range entries {
			writer := other
			if writer == "" && i > 0 {
				writer = entries[0].object.ID()
			}
			if writer != "" {
				r.add(e.unit, e.object, ruleCertificateSecret, "spec.secretName", "Give each its own Secret, and render none of them.",
					"the Secret %s is written by %s too: certificates would be issued for ever", key, writer)
			}
		}
	}
}

// dnsAnnotations finds annotations for external-dns that it would not read (ED1).
func (x *Index) dnsAnnotations(s subject) {
	top := x
	for top.parent != nil {
		top = top.parent
	}
	if top.dnsPrefix == "" {
		return
	}
	for _, key := range sortedKeys(s.object.GetAnnotations()) {
		prefix, _, found := strings.Cut(key, "/")
		if !found || !strings.HasPrefix(prefix, "external-dns") || prefix+"/" == top.dnsPrefix {
			continue
		}
		s.add(ruleDNSPrefix, annotationPath(key), "Write "+top.dnsPrefix+strings.TrimPrefix(key, prefix+"/")+".",
			"external-dns reads annotations that begin with %s only", top.dnsPrefix)
	}
}
