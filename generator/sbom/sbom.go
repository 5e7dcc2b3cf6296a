package sbom

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/opsgen/opsgen/generator/bundle"
)

// Formats that can be written.
const (
	JSON = "json"
	XML  = "xml"
)

// version is the format's: 1.6 is ECMA-424, which scanners read.
const version = cdx.SpecVersion1_6

// Input is what the bill lists.
type Input struct {
	// Name is what the bill is of: "opsgen-bundle", or a cluster's name.
	Name string
	// Bundle is versions.yaml.
	Bundle *bundle.Bundle
	// Images are the names of the images to list; nil means all.
	Images []string
	// Registry is the private registry's prefix in front of images; may be empty.
	Registry string
	// Modules are the Go modules of our programs.
	Modules []Module
	// Time is written as the bill's; the zero time leaves it out.
	Time time.Time
}

// Encode writes the bill in a format. The same input gives the same bytes.
func Encode(in Input, format string) ([]byte, error) {
	bom := build(in)
	unnumbered, err := encode(bom, format)
	if err != nil {
		return nil, err
	}
	bom.SerialNumber = serial(unnumbered)
	return encode(bom, format)
}

func encode(bom *cdx.BOM, format string) ([]byte, error) {
	kind := cdx.BOMFileFormatJSON
	if format == XML {
		kind = cdx.BOMFileFormatXML
	}
	var b bytes.Buffer
	if err := cdx.NewBOMEncoder(&b, kind).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, version); err != nil {
		return nil, fmt.Errorf("write the bill of materials: %w", err)
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n'), nil
}

// serial is a UUID that follows from the content, in the form of version 8 (RFC 9562).
func serial(content []byte) string {
	sum := sha256.Sum256(content)
	const version, versionMask, variant, variantMask = 0x80, 0x0f, 0x80, 0x3f
	sum[6] = sum[6]&versionMask | version
	sum[8] = sum[8]&variantMask | variant
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func build(in Input) *cdx.BOM {
	root := cdx.Component{
		BOMRef: "bundle", Type: cdx.ComponentTypeApplication, Name: in.Name, Version: in.Bundle.Version,
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: "Apache-2.0"}}},
	}
	var components []cdx.Component
	for _, name := range slices.Sorted(maps.Keys(in.Bundle.Sources)) {
		components = append(components, sourceOf(name, in.Bundle.Sources[name]))
	}
	names := in.Images
	if names == nil {
		names = slices.Sorted(maps.Keys(in.Bundle.Images))
	}
	for _, name := range names {
		components = append(components, imageOf(name, in.Bundle.Images[name], in.Registry))
	}
	for _, m := range in.Modules {
		components = append(components, moduleOf(m))
	}
	slices.SortFunc(components, func(a, b cdx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	components = slices.CompactFunc(components, func(a, b cdx.Component) bool { return a.BOMRef == b.BOMRef })
	refs := make([]string, len(components))
	for i, c := range components {
		refs[i] = c.BOMRef
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Component: &root}
	if !in.Time.IsZero() {
		bom.Metadata.Timestamp = in.Time.UTC().Format(time.RFC3339)
	}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: root.BOMRef, Dependencies: &refs}}
	return bom
}

// property is one of ours, in a namespace of its own.
func property(name, value string) cdx.Property {
	return cdx.Property{Name: "opsgen:" + name, Value: value}
}

func sourceOf(name string, s bundle.Source) cdx.Component {
	properties := []cdx.Property{property("source", name), property("sum", s.Sum)}
	c := cdx.Component{Type: cdx.ComponentTypeData, Name: name, Version: s.Version, Scope: cdx.ScopeRequired, Properties: &properties}
	switch {
	case s.Module != "":
		c.Name = s.Module
		c.PackageURL = "pkg:golang/" + s.Module + "@" + s.Version
	case s.OCI != "":
		repository := strings.TrimPrefix(s.OCI, "oci://")
		c.PackageURL = ociURL(repository, s.Sum, s.Version)
		c.Hashes = sha(s.Sum)
	default:
		c.PackageURL = "pkg:generic/" + url.PathEscape(name) + "@" + url.PathEscape(s.Version) + "?download_url=" + url.QueryEscape(s.URL)
		c.Hashes = sha(s.Sum)
	}
	c.BOMRef = "source:" + name
	c.Licenses = licence(c.Name)
	return c
}

func imageOf(name string, i bundle.Image, registry string) cdx.Component {
	repository := i.Repository
	if registry != "" {
		repository = registry + "/" + repository
	}
	properties := []cdx.Property{property("image", name), property("reference", i.Reference(registry))}
	if i.Digest == "" {
		properties = append(properties, property("locked", "false"))
	}
	return cdx.Component{
		BOMRef: "image:" + name, Type: cdx.ComponentTypeContainer, Name: repository, Version: i.Tag, Scope: cdx.ScopeRequired,
		PackageURL: ociURL(repository, i.Digest, i.Tag), Hashes: sha(i.Digest), Licenses: licence(i.Repository), Properties: &properties,
	}
}

// ociURL is the package URL of something in a registry; its version is the digest, where one is known.
func ociURL(repository, digest, tag string) string {
	text := "pkg:oci/" + path.Base(repository)
	if digest != "" {
		text += "@" + url.QueryEscape(digest)
	}
	return text + "?repository_url=" + url.QueryEscape(repository) + "&tag=" + url.QueryEscape(tag)
}

func sha(digest string) *[]cdx.Hash {
	value, ok := strings.CutPrefix(digest, "sha256:")
	if !ok {
		return nil
	}
	return &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: value}}
}

// licences of what the bundle runs and reads, from the LICENSE file of each project at the pinned version. A repository
// that is not here, as one that a fork adds, gets none: better nothing than a guess.
var licences = []struct{ prefix, id string }{
	{"docker.io/grafana/grafana", "AGPL-3.0-only"},
	{"docker.io/grafana/loki", "AGPL-3.0-only"},
	{"docker.io/library/memcached", "BSD-3-Clause"},
	{"ghcr.io/fluxcd/", "Apache-2.0"},
	{"ghcr.io/opsgen/", "Apache-2.0"},
	{"ghcr.io/versity/versitygw", "Apache-2.0"},
	{"github.com/cert-manager/cert-manager", "Apache-2.0"},
	{"github.com/fluxcd/", "Apache-2.0"},
	{"quay.io/cortexproject/cortex", "Apache-2.0"},
	{"quay.io/jetstack/cert-manager-", "Apache-2.0"},
	{"registry.k8s.io/autoscaling/cluster-autoscaler", "Apache-2.0"},
	{"registry.k8s.io/external-dns/external-dns", "Apache-2.0"},
	{"sigs.k8s.io/external-dns", "Apache-2.0"},
	{"docker.io/prom/prometheus", "Apache-2.0"},
	{"docker.io/webdevops/azure-metrics-exporter", "MIT"},
	{"quay.io/prometheus/blackbox-exporter", "Apache-2.0"},
	{"quay.io/prometheuscommunity/stackdriver-exporter", "Apache-2.0"},
	{"quay.io/prometheuscommunity/yet-another-cloudwatch-exporter", "Apache-2.0"},
}

func licence(name string) *cdx.Licenses {
	for _, l := range licences {
		if strings.HasPrefix(name, l.prefix) {
			return &cdx.Licenses{{License: &cdx.License{ID: l.id}}}
		}
	}
	return nil
}
