package advice

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opsgen/opsgen/generator/cluster"
)

// placeRules look at where the cluster runs.
func placeRules() []rule {
	return []rule{
		{"cluster-name", "The cluster's name becomes part of buckets, identities and tokens: a DNS label of at most 30 characters.", checkClusterName},
		{"account", "aws needs the account's twelve digits and gcp the project, so that bootstrap never works in another account by mistake.", checkAccount},
		{"region", "A cloud needs its region, and not a zone in its place.", checkRegion},
		{"zones-count", "Three copies need three zones: with fewer, losing one zone loses two copies and with them recent data.", checkZonesCount},
		{"zones-distinct", "A zone that is listed twice holds two of the three copies.", checkZonesDistinct},
		{"zones-region", "Zones lie in the cluster's region; volumes and nodes cannot span regions.", checkZonesRegion},
		{"network-given", "A network of one's own is named as a whole: the VPC and a subnet for each zone, and its ways out are not bootstrap's.", checkNetwork},
		{"endpoint", "Who may reach the Kubernetes API is said by blocks of addresses, and there is nobody to name when it has no public address.", checkEndpointAccess},
		{"key-form", "The key for Kubernetes' Secrets is named by its ARN, and lies in the cluster's region.", checkKey},
		{"node-release", "The release of the nodes' image is one for the cluster's Kubernetes.", checkNodeRelease},
		{"clouds-only", "Options that a provider does not know are refused: nobody should rely on what does not happen.", checkOnlyClouds},
		{"kubernetes-range", "Objects are checked for the Kubernetes minors that the bundle names, and for no other.", checkKubernetes},
	}
}

var (
	dnsLabel      = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)
	awsAccount    = regexp.MustCompile(`^[0-9]{12}$`)
	gcpProject    = regexp.MustCompile(`^[a-z][-a-z0-9]{4,28}[a-z0-9]$`)
	awsRegion     = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)
	gcpRegion     = regexp.MustCompile(`^[a-z]+-[a-z]+[0-9]+$`)
	awsZoneSuffix = regexp.MustCompile(`^[a-z]$`)
	gcpZoneSuffix = regexp.MustCompile(`^-[a-z]$`)
)

// maxClusterName leaves room for "-metrics" and for suffixes of identities.
const maxClusterName = 30

func checkClusterName(r *report) {
	if name := r.Cluster.Name; len(name) > maxClusterName || !dnsLabel.MatchString(name) {
		r.refuse("", "Rename the folder below clusters/.",
			"the cluster's name %q is not made of lower-case letters, digits and hyphens, or is longer than %d characters", name, maxClusterName)
	}
}

func checkAccount(r *report) {
	account := r.Cluster.Provider.Account
	switch r.Cluster.Provider.Name {
	case cluster.AWS:
		if !awsAccount.MatchString(account) {
			r.refuse("provider.account", `Write the account's twelve digits in quotes: account: "123456789012".`, "%s is not an AWS account number", quoted(account))
		}
	case cluster.GCP:
		if !gcpProject.MatchString(account) {
			r.refuse("provider.account", "Write the project's ID, such as acme-observability (not its number or display name).", "%s is not a Google Cloud project ID", quoted(account))
		}
	case cluster.Existing:
		if account != "" {
			r.warn("provider.account", "Remove it.", "provider existing has no account; it is not used")
		}
	}
}

func checkRegion(r *report) {
	if !r.onCloud() {
		return
	}
	p := r.Cluster.Provider
	form, suffix, example := awsRegion, awsZoneSuffix, "eu-central-1"
	if p.Name == cluster.GCP {
		form, suffix, example = gcpRegion, gcpZoneSuffix, "europe-west3"
	}
	if form.MatchString(p.Region) {
		return
	}
	for cut := 1; cut <= min(2, len(p.Region)); cut++ {
		at := len(p.Region) - cut
		if form.MatchString(p.Region[:at]) && suffix.MatchString(p.Region[at:]) {
			r.refuse("provider.region", fmt.Sprintf("Write %s.", p.Region[:at]), "%q is a zone, not a region", p.Region)
			return
		}
	}
	r.refuse("provider.region", fmt.Sprintf("Write a region such as %s.", example), "%s is not a region of %s", quoted(p.Region), p.Name)
}

func checkZonesCount(r *report) {
	zones := len(r.Cluster.Provider.Zones)
	if r.Cluster.Options.Replication != 3 {
		if r.onCloud() && zones == 0 {
			r.refuse("provider", "Write at least one zone in provider.zones.", "no zones are listed")
		}
		return
	}
	switch {
	case zones > 3:
		r.warn("provider.zones", "Remove the others, or accept that they run only what keeps no data.", "%d zones are listed; the three copies are in the first three", zones)
	case zones == 3:
	case r.onCloud():
		r.refuse("provider.zones", "Add a zone, or set options.replication: 1 if losing data with a node is acceptable.", "replication 3 needs three zones, %s listed", are(zones))
	case zones > 0:
		r.warn("provider.zones", "List three zones, or none if the nodes have no zones.", "replication 3, but only %s listed: losing one zone may lose recent data", are(zones))
	default:
		r.warn("provider", "List three zones in provider.zones if the nodes are labelled with topology.kubernetes.io/zone.", "no zones are listed: the three copies are kept apart by node only")
	}
}

func checkZonesDistinct(r *report) {
	for i, zone := range r.Cluster.Provider.Zones {
		if slices.Index(r.Cluster.Provider.Zones, zone) < i {
			r.refuse(fmt.Sprintf("provider.zones[%d]", i), "List each zone once.", "zone %q is listed twice", zone)
		}
	}
}

func checkZonesRegion(r *report) {
	if !r.onCloud() || r.Cluster.Provider.Region == "" {
		return
	}
	p := r.Cluster.Provider
	suffix, example := awsZoneSuffix, p.Region+"a"
	if p.Name == cluster.GCP {
		suffix, example = gcpZoneSuffix, p.Region+"-a"
	}
	for i, zone := range p.Zones {
		rest, inside := strings.CutPrefix(zone, p.Region)
		if !inside || !suffix.MatchString(rest) {
			r.refuse(fmt.Sprintf("provider.zones[%d]", i), fmt.Sprintf("Write a zone such as %s.", example), "%q is not a zone of region %s", zone, p.Region)
		}
	}
}

func checkKubernetes(r *report) {
	low, high := r.Bundle.Kubernetes.Minimum, r.Bundle.Kubernetes.Maximum
	minor, ok := minorOf(r.Cluster.Kubernetes)
	if !ok {
		r.refuse("kubernetes", fmt.Sprintf(`Write a minor version in quotes, such as kubernetes: "%s".`, high), "%q is not a Kubernetes minor version", r.Cluster.Kubernetes)
		return
	}
	least, _ := minorOf(low)
	most, _ := minorOf(high)
	if minor < least || minor > most {
		r.refuse("kubernetes", fmt.Sprintf(`Write a version from "%s" to "%s", or use another bundle.`, low, high),
			"Kubernetes %s is outside of what bundle %s supports", r.Cluster.Kubernetes, r.Bundle.Version)
	}
}

// minorOf reads "1.36".
func minorOf(version string) (int, bool) {
	text, ok := strings.CutPrefix(version, "1.")
	minor, err := strconv.Atoi(text)
	return minor, ok && err == nil && minor >= 0 && strconv.Itoa(minor) == text
}

// quoted shows a value, or says that there is none.
func quoted(text string) string {
	if text == "" {
		return "nothing"
	}
	return strconv.Quote(text)
}

func are(n int) string {
	if n == 1 {
		return "1 is"
	}
	return fmt.Sprintf("%d are", n)
}
