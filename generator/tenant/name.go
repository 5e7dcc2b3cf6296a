package tenant

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// System is the tenant that is shipped with the bundle and watches the platform itself.
const System = "system"

// maxName leaves room for what is put before and after the name: namespaces, host names, object names.
const maxName = 40

var label = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

// reserved are names that mean something else: host names of the platform, namespaces, words of the generator.
func reserved() []string {
	return []string{
		"api", "auth", "cluster", "datadog", "default", "fake", "flux-system", "index", "logs", "metrics", "opsgen", "otlp", "shards", "tenants", "www",
	}
}

// CheckName says what is wrong with a tenant's name, with what to write instead. A name is a DNS label, since
// <name>.<domain> is the tenant's host, and it is also the tenant's ID in Cortex and Loki where tenant.yaml has none.
// System is a legal name: that of the tenant that is shipped.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a tenant needs a name")
	case len(name) > maxName:
		return fmt.Errorf("the tenant name %q has %d characters; use at most %d", name, len(name), maxName)
	case !label.MatchString(name):
		return fmt.Errorf("the tenant name %q is not a DNS label; use lower-case letters, digits and hyphens, with a letter or digit at both ends%s", name, suggestion(name))
	case slices.Contains(reserved(), name), strings.HasPrefix(name, "kube-"):
		return fmt.Errorf("the tenant name %q is reserved; choose another one, such as %q", name, "team-"+name)
	case strings.HasPrefix(name, "tenant-"):
		return fmt.Errorf("the tenant name %q begins with \"tenant-\", which is put before it anyway; use %q", name, strings.TrimPrefix(name, "tenant-"))
	case strings.HasPrefix(name, "xn--"):
		return fmt.Errorf("the tenant name %q is an encoded international name; use letters of a to z", name)
	}
	return nil
}

// CheckNewName is CheckName for a tenant that is about to be made: the shipped tenant's name is taken.
func CheckNewName(name string) error {
	if name == System {
		return fmt.Errorf("the tenant name %q is taken by the tenant that watches the platform; choose another one", name)
	}
	return CheckName(name)
}

// suggestion turns a name into a legal one, where that is obvious.
func suggestion(name string) string {
	legal := strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name), "-")
	if CheckName(legal) != nil {
		return ""
	}
	return fmt.Sprintf(", such as %q", legal)
}
