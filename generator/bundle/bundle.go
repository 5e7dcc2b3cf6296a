package bundle

// Bundle is versions.yaml.
type Bundle struct {
	// Version is the one version of the whole distribution, as plain semver without a leading v ("1.4.2").
	Version string `json:"version" jsonschema:"required"`
	// Kubernetes is the range of Kubernetes minors that this bundle was made for.
	Kubernetes KubernetesRange `json:"kubernetes" jsonschema:"required"`
	// Sources are the pinned packages that charts, CRDs and manifests are taken from, by the name that bases use.
	Sources map[string]Source `json:"sources" jsonschema:"required"`
	// Images are the container images that run, by the name that bases use.
	Images map[string]Image `json:"images" jsonschema:"required"`
}

// KubernetesRange is an inclusive range of Kubernetes minors, each written as "1.36".
type KubernetesRange struct {
	// Minimum is the oldest supported minor.
	Minimum string `json:"minimum" jsonschema:"required"`
	// Maximum is the newest supported minor; objects are checked exactly against its API.
	Maximum string `json:"maximum" jsonschema:"required"`
}

// Source is one pinned, checksummed package. Exactly one of Module, OCI and URL is set.
type Source struct {
	// Module is a Go module path whose zip is read through the GOPROXY protocol; it is not a requirement of go.mod.
	Module string `json:"module,omitempty"`
	// OCI is a chart in a registry: "oci://registry/repository".
	OCI string `json:"oci,omitempty"`
	// URL is a chart archive (.tgz) over HTTPS.
	URL string `json:"url,omitempty"`
	// Version is the module's version ("v1.21.2") or the OCI tag; for a URL it is for the reader only.
	Version string `json:"version" jsonschema:"required"`
	// Sum is the checksum: "h1:…" (golang.org/x/mod dirhash) for a module, "sha256:…" for OCI (the manifest's digest) and
	// for a URL (the archive's).
	Sum string `json:"sum" jsonschema:"required"`
}

// Image is one pinned container image.
type Image struct {
	// Repository is registry host and path, without tag ("quay.io/cortexproject/cortex").
	Repository string `json:"repository" jsonschema:"required"`
	// Tag is the version's tag; "latest" is refused.
	Tag string `json:"tag" jsonschema:"required"`
	// Digest locks the image ("sha256:…" of the index or manifest). Empty until `opsgen lock` resolved it.
	Digest string `json:"digest,omitempty"`
	// DigestFrom names who published a digest that was not resolved by `opsgen lock`.
	DigestFrom string `json:"digestFrom,omitempty"`
}

// Reference is the image as a pod names it: repository, tag and, where locked, digest, behind a private registry's
// prefix when one is given ("mirror.example.com/quay.io/cortexproject/cortex:v1.21.1@sha256:…").
func (i Image) Reference(registry string) string {
	ref := i.Repository + ":" + i.Tag
	if i.Digest != "" {
		ref += "@" + i.Digest
	}
	if registry != "" {
		ref = registry + "/" + ref
	}
	return ref
}
