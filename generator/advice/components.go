package advice

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/sizing"
)

// componentRules look at components, images and identities.
func componentRules() []rule {
	return []rule{
		{"component-unknown", "An override of a component that does not exist does nothing, and its author believes that it does.", checkComponents},
		{"override-low", "A workload that gets less than the capacity needs is killed or left behind under that load.", checkOverrideLow},
		{"override-replicas", "Some workloads must have as many replicas as there are copies.", checkOverrideReplicas},
		{"identity-component", "An identity is for a component; on provider existing there are none.", checkIdentityComponents},
		{"identity-form", "aws identifies by a role's ARN, gcp by a service account's e-mail address.", checkIdentityForms},
		{"registry", "A registry's prefix is put before image names as it is: host and path, without a scheme.", checkRegistry},
		{"images-locked", "A tag can be moved to another image; a digest cannot.", checkImagesLocked},
	}
}

func checkComponents(r *report) {
	if len(r.Components) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.Cluster.Components)) {
		if !slices.Contains(r.Components, name) {
			r.refuse("components."+name, document.Suggest(name, r.Components, "Components are "), "there is no component %q", name)
		}
	}
}

func checkOverrideLow(r *report) {
	if r.Sizing == nil {
		return
	}
	needed, err := sizing.Compute(without(r.Cluster), len(r.Tenants))
	if err != nil {
		return
	}
	for _, e := range r.Sizing.Entries() {
		need, ok := needed[e.Component][e.Name]
		if !ok || !e.Overridden {
			continue
		}
		path := "components." + e.Component + ".workloads." + e.Name
		low := func(field, have, want string) {
			r.warn(path+"."+field, fmt.Sprintf("Write at least %s, or lower the capacity.", want),
				"%s/%s has %s %s, the capacity needs %s (%s)", e.Component, e.Name, field, have, want, need.Why)
		}
		if e.Replicas < need.Replicas {
			low("replicas", fmt.Sprint(e.Replicas), fmt.Sprint(need.Replicas))
		}
		if less(e.CPU, need.CPU) {
			low("cpu", e.CPU, need.CPU)
		}
		if e.MemoryBytes < need.MemoryBytes {
			low("memory", e.Memory, need.Memory)
		}
		if less(e.Storage, need.Storage) {
			low("storage", e.Storage, need.Storage)
		}
	}
}

// less compares amounts in Kubernetes notation.
func less(a, b string) bool {
	x, errX := resource.ParseQuantity(a)
	y, errY := resource.ParseQuantity(b)
	return errX == nil && errY == nil && x.Cmp(y) < 0
}

func checkOverrideReplicas(r *report) {
	copies := r.Cluster.Options.Replication
	if replicas := r.Cluster.Components["cortex"].Workloads["alertmanager"].Replicas; replicas != nil && *replicas > copies && !r.isSingle() {
		r.warn("components.cortex.workloads.alertmanager.replicas", fmt.Sprintf("Write %d, or give each more memory.", copies),
			"%d alertmanagers for %d copies: silences and alerts are shown by some of them only", *replicas, copies)
	}
}

func checkIdentityComponents(r *report) {
	for _, name := range slices.Sorted(maps.Keys(r.Cluster.Provider.Identities)) {
		path := "provider.identities." + name
		switch {
		case !r.onCloud():
			r.warn(path, "Remove it.", "provider existing has no cloud identities; it is not used")
		case len(r.Components) > 0 && !slices.Contains(r.Components, name):
			r.warn(path, document.Suggest(name, r.Components, "Components are "), "an identity for %q, which is no component", name)
		}
	}
}

var (
	roleARN      = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::([0-9]{12}):role/[A-Za-z0-9+=,.@_/-]{1,512}$`)
	accountEmail = regexp.MustCompile(`^[a-z][-a-z0-9]{4,28}[a-z0-9]@[a-z][-a-z0-9.:]*\.iam\.gserviceaccount\.com$`)
)

func checkIdentityForms(r *report) {
	for _, name := range slices.Sorted(maps.Keys(r.Cluster.Provider.Identities)) {
		identity, path := r.Cluster.Provider.Identities[name], "provider.identities."+name
		switch r.Cluster.Provider.Name {
		case cluster.AWS:
			m := roleARN.FindStringSubmatch(identity)
			switch {
			case identity == "": // EKS Pod Identity
			case m == nil:
				r.refuse(path, "Write arn:aws:iam::123456789012:role/name, or nothing for EKS Pod Identity.", "%q is not a role's ARN", identity)
			case m[2] != r.Cluster.Provider.Account:
				r.warn(path, "Check that the role trusts this cluster.", "the role is in account %s, the cluster in %s", m[2], r.Cluster.Provider.Account)
			}
		case cluster.GCP:
			if !accountEmail.MatchString(identity) {
				r.refuse(path, "Write name@project.iam.gserviceaccount.com.", "%s is not a service account's e-mail address", quoted(identity))
			}
		}
	}
}

var registryForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$`)

func checkRegistry(r *report) {
	registry := r.Cluster.Registry
	fixed := registry
	if _, rest, ok := strings.Cut(fixed, "://"); ok {
		fixed = rest
	}
	fixed = strings.ToLower(strings.TrimRight(fixed, "/"))
	switch {
	case registry == "" || registryForm.MatchString(registry):
	case registryForm.MatchString(fixed):
		r.refuse("registry", "Write "+fixed+".", "%q is not a prefix of an image: it has a scheme, a trailing slash or capital letters", registry)
	default:
		r.refuse("registry", "Write host and path, such as registry.example.com/mirror.", "%q is not a prefix of an image", registry)
	}
}

func checkImagesLocked(r *report) {
	open := 0
	for _, image := range r.Bundle.Images {
		if image.Digest == "" {
			open++
		}
	}
	if open == 0 {
		return
	}
	images := "1 image is"
	if open > 1 {
		images = fmt.Sprintf("%d images are", open)
	}
	r.list = append(r.list, Advice{Rule: r.rule, Problem: document.Problem{
		File: "versions.yaml", Message: images + " not locked by digest", Hint: "Run opsgen lock where the registries can be reached.",
	}})
}
