package advice

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
)

// sourceRules look at the repository that Flux follows.
func sourceRules() []rule {
	return []rule{
		{"source-one", "Flux follows either a range of tags or a branch.", checkSourceOne},
		{"source-url", "Flux fetches over https or ssh; credentials belong into a Secret, not into the URL, which everybody reads.", checkSourceURL},
		{"source-ssh", "Over ssh, Flux needs a key and the host's known key from a Secret.", checkSourceSSH},
		{"source-interval", "Looking at the repository every few seconds clones it as often, and Git servers throttle that.", checkSourceInterval},
		{"semver-syntax", "The range is read by the same library as in Flux.", checkSemverSyntax},
		{"semver-build", "Flux ignores build metadata and picks among equal versions by chance.", checkSemverBuild},
		{"semver-prerelease", "A range with a pre-release in it follows pre-releases too.", checkSemverPrerelease},
		{"semver-matches", "A range that this bundle's tags are not in deploys nothing.", checkSemverMatches},
		{"semver-major", "A range without an upper bound follows the next major version, whose upgrade notes nobody has read yet.", checkSemverMajor},
		{"branch-large", "On a branch each merge is live at once, without a tag to go back to.", checkBranchLarge},
	}
}

func checkSourceOne(r *report) {
	source := r.Cluster.Source
	switch {
	case source.Semver == "" && source.Branch == "":
		r.refuse("source", `Write semver: "1.x" to follow releases, or branch: main to follow each merge.`, "nothing to follow: neither semver nor branch is set")
	case source.Semver != "" && source.Branch != "":
		r.refuse("source.branch", "Remove one of them.", "semver and branch are both set; Flux would follow semver alone")
	}
}

// scpForm is git's own short notation for ssh, without a scheme.
var scpForm = regexp.MustCompile(`^([A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):([^/0-9].*|/.+)$`)

func checkSourceURL(r *report) {
	text := r.Cluster.Source.URL
	const path = "source.url"
	example := "Write a URL such as https://github.com/acme/observability or ssh://git@github.com/acme/observability."
	if m := scpForm.FindStringSubmatch(text); m != nil && !strings.Contains(text, "://") {
		user := m[1]
		if user == "" {
			user = "git@"
		}
		r.refuse(path, fmt.Sprintf("Write ssh://%s%s/%s.", user, m[2], strings.TrimPrefix(m[3], "/")), "%q is git's short notation, which Flux does not read", text)
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		r.refuse(path, example, "the repository's URL cannot be read")
		return
	}
	if u.Scheme != "https" && u.Scheme != "ssh" {
		r.refuse(path, example, "the scheme %q is neither https nor ssh", u.Scheme)
	}
	_, password := u.User.Password()
	if password || (u.User != nil && u.Scheme != "ssh") {
		u.User = nil
		r.refuse(path, fmt.Sprintf("Write %s, put the credentials into a Secret in flux-system, and name it in source.secret. Revoke what was committed.", u), "the URL holds credentials")
	}
}

func checkSourceSSH(r *report) {
	if strings.HasPrefix(r.Cluster.Source.URL, "ssh://") && r.Cluster.Source.Secret == "" {
		r.refuse("source.url", "Name a Secret in flux-system with identity and known_hosts in source.secret.", "a repository over ssh needs a key")
	}
}

func checkSourceInterval(r *report) {
	if interval := time.Duration(r.Cluster.Source.Interval); interval > 0 && interval < 10*time.Second {
		r.warn("source.interval", "Write 30s or more.", "looking every %s is too often for most Git servers", r.Cluster.Source.Interval)
	}
}

// constraint is the range, nil without one or with a malformed one.
func (r *report) constraint() *semver.Constraints {
	if r.Cluster.Source.Semver == "" {
		return nil
	}
	c, err := semver.NewConstraint(r.Cluster.Source.Semver)
	if err != nil {
		return nil
	}
	return c
}

func checkSemverSyntax(r *report) {
	if text := r.Cluster.Source.Semver; text != "" {
		if _, err := semver.NewConstraint(text); err != nil {
			r.refuse("source.semver", `Write a range such as "1.x", "1.4.x" or ">=1.4.0 <2.0.0".`, "%q is not a range of versions", text)
		}
	}
}

func checkSemverBuild(r *report) {
	if text := r.Cluster.Source.Semver; strings.Contains(text, "+") {
		before, _, _ := strings.Cut(text, "+")
		r.refuse("source.semver", fmt.Sprintf("Write %q; a single deployment is named by its own version, such as v1.4.7.", before), "the range %q has build metadata, which Flux ignores", text)
	}
}

// prerelease finds a hyphen right behind a version's digit; hyphens that join two versions have spaces around them.
var prerelease = regexp.MustCompile(`[0-9xX*]-[0-9A-Za-z]`)

func checkSemverPrerelease(r *report) {
	if text := r.Cluster.Source.Semver; r.constraint() != nil && prerelease.MatchString(text) {
		r.warn("source.semver", "Write the range without it for production.", "the range %q has a pre-release in it, and so follows pre-releases", text)
	}
}

// deployments are tags that this bundle's version may get: MAJOR.MINOR.N, N being the fork's own count.
func (r *report) deployments() []*semver.Version {
	v, err := semver.StrictNewVersion(r.Bundle.Version)
	if err != nil {
		return nil
	}
	var tags []*semver.Version
	for n := range uint64(1000) {
		tags = append(tags, semver.New(v.Major(), v.Minor(), n, "", ""))
	}
	return tags
}

func checkSemverMatches(r *report) {
	c, tags := r.constraint(), r.deployments()
	if c == nil || tags == nil {
		return
	}
	for _, tag := range tags {
		if c.Check(tag) {
			return
		}
	}
	v := tags[0]
	r.warn("source.semver", fmt.Sprintf(`Write "%d.x", or tag a deployment of a bundle that is in the range.`, v.Major()),
		"no deployment of bundle %s (v%d.%d.N) is in the range %q", r.Bundle.Version, v.Major(), v.Minor(), r.Cluster.Source.Semver)
}

func checkSemverMajor(r *report) {
	c, tags := r.constraint(), r.deployments()
	if c != nil && tags != nil && c.Check(semver.New(tags[0].Major()+1, 0, 0, "", "")) && c.Check(semver.New(tags[0].Major()+50, 0, 0, "", "")) {
		r.warn("source.semver", fmt.Sprintf(`Write "%d.x".`, tags[0].Major()), "the range %q follows every later major version", r.Cluster.Source.Semver)
	}
}

func checkBranchLarge(r *report) {
	if series := r.Cluster.Capacity.Metrics.ActiveSeries; r.Cluster.Source.Branch != "" && series > 1e6 {
		r.warn("source.branch", `Write semver: "1.x" instead, and let a smaller cluster follow the branch.`, "a cluster for %s series follows branch %s: each merge is live at once", series, r.Cluster.Source.Branch)
	}
}
