package bundle

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
	"golang.org/x/mod/module"
	modsemver "golang.org/x/mod/semver"

	"github.com/opsgen/opsgen/generator/document"
)

var (
	entryName  = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	minorForm  = regexp.MustCompile(`^([0-9]+)\.([0-9]+)$`)
	sha256Form = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	tagForm    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	// hostForm and pathForm are the distribution specification's forms of a repository, the registry written out.
	hostForm = regexp.MustCompile(`^(localhost(:[0-9]+)?|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?|[A-Za-z0-9-]+:[0-9]+)$`)
	pathForm = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
)

// h1Size is the number of bytes behind "h1:": a SHA-256.
const h1Size = 32

// Problems reports everything that is wrong with the values of a bundle that d was decoded into. Missing fields are
// not reported again: decoding does that.
func (b *Bundle) Problems(d *document.Document) document.Problems {
	c := checker{document: d}
	c.version(b.Version)
	c.kubernetes(b.Kubernetes)
	for _, name := range slices.Sorted(maps.Keys(b.Sources)) {
		c.source(name, b.Sources[name])
	}
	owner := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(b.Images)) {
		image := b.Images[name]
		c.image(name, image)
		if first, taken := owner[image.Repository]; taken && image.Repository != "" {
			c.add("images."+name+".repository", "Give each repository one entry; charts' images are found by repository.",
				"images %s and %s have the same repository %s", first, name, image.Repository)
			continue
		}
		owner[image.Repository] = name
	}
	return c.problems
}

type checker struct {
	document *document.Document
	problems document.Problems
}

func (c *checker) add(path, hint, format string, arguments ...any) {
	c.problems = append(c.problems, c.document.Problem(path, fmt.Sprintf(format, arguments...), hint))
}

func (c *checker) version(text string) {
	if text == "" {
		return
	}
	const hint = `Write MAJOR.MINOR.PATCH, such as "1.4.2".`
	version, err := semver.StrictNewVersion(text)
	switch {
	case err != nil:
		c.add("version", hint, "version %q is not a semantic version", text)
	case version.Metadata() != "":
		c.add("version", hint, "version %q has build metadata, which Flux ignores when it compares versions", text)
	}
}

func (c *checker) kubernetes(r KubernetesRange) {
	minimum, minimumOK := c.minor("kubernetes.minimum", r.Minimum)
	maximum, maximumOK := c.minor("kubernetes.maximum", r.Maximum)
	if minimumOK && maximumOK && minimum > maximum {
		c.add("kubernetes.minimum", "Write the older minor as minimum.", "minimum %s is newer than maximum %s", r.Minimum, r.Maximum)
	}
}

// minor returns a number that orders minors.
func (c *checker) minor(path, text string) (int, bool) {
	if text == "" {
		return 0, false
	}
	parts := minorForm.FindStringSubmatch(text)
	if parts == nil {
		c.add(path, `Write MAJOR.MINOR in quotes, such as "1.36".`, "%q is not a Kubernetes minor", text)
		return 0, false
	}
	major, errMajor := strconv.Atoi(parts[1])
	minor, errMinor := strconv.Atoi(parts[2])
	const perMajor = 1000
	if errMajor != nil || errMinor != nil || minor >= perMajor {
		c.add(path, `Write MAJOR.MINOR in quotes, such as "1.36".`, "%q is not a Kubernetes minor", text)
		return 0, false
	}
	return major*perMajor + minor, true
}

func (c *checker) name(path, name string) {
	if !entryName.MatchString(name) {
		c.add(path, "Use lower-case letters, digits and dashes, beginning with a letter.", "%q is not a usable name", name)
	}
}

func (c *checker) source(name string, s Source) {
	path := "sources." + name
	c.name(path, name)
	var kinds []string
	for _, kind := range []struct{ field, value string }{{"module", s.Module}, {"oci", s.OCI}, {"url", s.URL}} {
		if kind.value != "" {
			kinds = append(kinds, kind.field)
		}
	}
	const one = "Write one of: module (a Go module path), oci (oci://registry/repository), url (https://….tgz)."
	switch {
	case len(kinds) == 0:
		c.add(path, one, "source %s does not say where it comes from", name)
	case len(kinds) > 1:
		c.add(path, one, "source %s has %s; only one is possible", name, strings.Join(kinds, " and "))
	case s.Module != "":
		c.module(path, s)
	case s.OCI != "":
		c.oci(path, s)
	default:
		c.url(path, s)
	}
}

func (c *checker) module(path string, s Source) {
	if err := module.CheckPath(s.Module); err != nil {
		c.add(path+".module", `Write a Go module path, such as "github.com/cert-manager/cert-manager".`, "%v", err)
	} else if s.Version != "" && modsemver.IsValid(s.Version) {
		if err := module.Check(s.Module, s.Version); err != nil {
			c.add(path+".version", "A module of major version 2 or more ends in /v2 and so on.", "%v", err)
		}
	}
	if s.Version != "" && module.CanonicalVersion(s.Version) != s.Version {
		c.add(path+".version", `Write a full version with a leading v, such as "v1.21.2".`, "%q is not a module version", s.Version)
	}
	encoded, ok := strings.CutPrefix(s.Sum, "h1:")
	sum, err := base64.StdEncoding.DecodeString(encoded)
	if s.Sum != "" && (!ok || err != nil || len(sum) != h1Size) {
		c.add(path+".sum", `A module's sum is "h1:" and 44 characters, as in go.sum: go mod download -json MODULE@VERSION prints it.`,
			"%q is not the sum of a module", s.Sum)
	}
}

func (c *checker) oci(path string, s Source) {
	repository, ok := strings.CutPrefix(s.OCI, "oci://")
	if !ok || !validRepository(repository) {
		c.add(path+".oci", `Write "oci://registry/repository" without a tag; the tag goes into version.`, "%q is not a chart's place in a registry", s.OCI)
	}
	// Registries write the plus sign of chart versions as an underscore; users may write either.
	if s.Version != "" && !tagForm.MatchString(strings.ReplaceAll(s.Version, "+", "_")) {
		c.add(path+".version", "", "%q is not a tag", s.Version)
	}
	c.digest(path+".sum", s.Sum, "Write the digest of the chart's manifest: \"sha256:\" and 64 hexadecimal digits.")
}

func (c *checker) url(path string, s Source) {
	const hint = `Write "https://" and the full address of the chart's archive, without user or password.`
	address, err := url.Parse(s.URL)
	switch {
	case err != nil:
		// The address itself may hold a password, so it is not repeated.
		c.add(path+".url", hint, "the address cannot be read")
	case address.User != nil:
		c.add(path+".url", hint, "the address holds a user or password, which does not belong in Git")
	case address.Scheme != "https" || address.Host == "":
		c.add(path+".url", hint, "%q is not an https address", s.URL)
	}
	c.digest(path+".sum", s.Sum, "Write the archive's checksum: \"sha256:\" and the 64 hexadecimal digits that sha256sum prints.")
}

func (c *checker) digest(path, digest, hint string) {
	if digest != "" && !sha256Form.MatchString(digest) {
		c.add(path, hint, "%q is not a SHA-256 digest", digest)
	}
}

func (c *checker) image(name string, i Image) {
	path := "images." + name
	c.name(path, name)
	if i.Repository != "" && !validRepository(i.Repository) {
		c.add(path+".repository", `Write registry and path without tag, such as "docker.io/grafana/loki".`,
			"%q is not a repository with its registry", i.Repository)
	}
	switch {
	case i.Tag == "":
	case i.Tag == "latest":
		c.add(path+".tag", "Write the version that was tested; renders must not change by themselves.", "the tag latest is refused")
	case !tagForm.MatchString(i.Tag):
		c.add(path+".tag", "", "%q is not a tag", i.Tag)
	}
	c.digest(path+".digest", i.Digest, "Remove the line and run opsgen lock.")
	if i.DigestFrom != "" && i.Digest == "" {
		c.add(path+".digestFrom", "Remove the line, or write the digest.", "digestFrom names who published a digest, but there is none")
	}
}

func validRepository(text string) bool {
	host, path, found := strings.Cut(text, "/")
	return found && hostForm.MatchString(host) && pathForm.MatchString(path)
}
