package advice

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"

	"github.com/opsgen/opsgen/generator/cluster"
)

// exposureRules look at names and certificates.
func exposureRules() []rule {
	return []rule{
		{"domain", "Hosts are <tenant>.<domain>: the domain must be a legal DNS name of at least two labels, in lower case.", checkDomain},
		{"domain-private", "No public authority signs a certificate for a private name.", checkDomainPrivate},
		{"dns-zone", "Records and DNS-01 challenges can be written only below the zone.", checkZone},
		{"dns-zone-id", "The zone's identifier is the cloud's, not its name.", checkZoneID},
		{"acme-provider", "A wildcard certificate needs a DNS-01 solver, which exists for Route 53 and Cloud DNS.", checkACMEProvider},
		{"acme-email", "The certificate authority writes to the account's address before something expires.", checkACMEEmail},
		{"acme-staging", "Let's Encrypt's test service signs with a root that nothing trusts.", checkACMEStaging},
		{"self-signed", "Agents and browsers must be given a self-signed root by hand.", checkSelfSigned},
	}
}

// maxDomain leaves room for a tenant's name and a dot in the 253 characters of a DNS name.
const maxDomain = 253 - 41

func checkDomain(r *report) {
	domain := r.Cluster.Domain
	fail := func(hint, message string) { r.refuse("domain", hint, "the domain %q %s", domain, message) }
	labels := strings.Split(domain, ".")
	switch {
	case strings.Contains(domain, "://"):
		_, rest, _ := strings.Cut(domain, "://")
		fail("Write "+strings.Trim(rest, "/")+".", "has a scheme")
		return
	case strings.HasPrefix(domain, "*."):
		fail("Write "+domain[2:]+"; the wildcard is added.", "begins with a wildcard")
		return
	case strings.HasSuffix(domain, "."):
		fail("Write "+strings.TrimRight(domain, ".")+".", "ends with a dot")
		return
	case domain != strings.ToLower(domain):
		fail("Write "+strings.ToLower(domain)+".", "has capital letters")
		return
	case len(domain) > maxDomain:
		fail(fmt.Sprintf("Use at most %d characters.", maxDomain), "leaves no room for tenants' names")
		return
	case len(labels) < 2:
		fail("Write a name such as obs.example.com.", "is a single label")
		return
	}
	for _, label := range labels {
		if len(label) > 63 || !dnsLabel.MatchString(label) {
			fail("Write labels of letters, digits and hyphens, joined by dots, such as obs.example.com.", fmt.Sprintf("has the label %q, which DNS does not allow", label))
			return
		}
	}
}

func checkDomainPrivate(r *report) {
	issuer := r.Cluster.Certificates.Issuer
	if issuer != cluster.ACME && issuer != cluster.ACMEStaging {
		return
	}
	for _, end := range []string{".svc", ".local", ".localhost", ".internal", ".test", ".invalid", ".lan", ".home.arpa"} {
		if strings.HasSuffix(r.Cluster.Domain, end) {
			r.refuse("domain", "Use a domain that you own, or set certificates.issuer: self-signed.", "no public authority signs for %q", r.Cluster.Domain)
			return
		}
	}
}

func checkZone(r *report) {
	zone, domain := strings.TrimSuffix(r.Cluster.DNS.Zone, "."), r.Cluster.Domain
	if zone != "" && zone != domain && !strings.HasSuffix(domain, "."+zone) {
		r.refuse("dns.zone", fmt.Sprintf("Write %s or a domain above it.", domain), "the domain %s is not in the zone %s", domain, zone)
	}
}

var (
	awsZoneID = regexp.MustCompile(`^Z[A-Z0-9]{5,31}$`)
	gcpZoneID = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

func checkZoneID(r *report) {
	id := r.Cluster.DNS.ZoneID
	switch {
	case id == "":
	case r.Cluster.Provider.Name == cluster.AWS && strings.HasPrefix(id, "/hostedzone/"):
		r.refuse("dns.zoneID", "Write "+strings.TrimPrefix(id, "/hostedzone/")+".", "%q is a path", id)
	case r.Cluster.Provider.Name == cluster.AWS && !awsZoneID.MatchString(id):
		r.refuse("dns.zoneID", "Write the hosted zone's ID, such as Z0123456789ABCDEFGHIJ.", "%q is not the ID of a Route 53 zone", id)
	case r.Cluster.Provider.Name == cluster.GCP && !gcpZoneID.MatchString(id):
		r.refuse("dns.zoneID", "Write the managed zone's name, such as obs-example-com.", "%q is not the name of a Cloud DNS zone", id)
	case !r.onCloud():
		r.warn("dns.zoneID", "Remove it.", "provider existing writes no DNS records; it is not used")
	}
}

func checkACMEProvider(r *report) {
	if issuer := r.Cluster.Certificates.Issuer; !r.onCloud() && issuer != cluster.SelfSigned {
		r.refuse("certificates.issuer", "Write self-signed, or bring the certificate yourself through patches/.", "issuer %s needs Route 53 or Cloud DNS for its wildcard certificate; provider existing has neither", issuer)
	}
}

func checkACMEEmail(r *report) {
	email, issuer := r.Cluster.Certificates.Email, r.Cluster.Certificates.Issuer
	if email != "" {
		if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
			r.refuse("certificates.email", "Write an address such as platform@example.com.", "%q is not an e-mail address", email)
		}
		return
	}
	if issuer == cluster.ACME {
		r.warn("certificates", "Write certificates.email.", "nobody is told when the certificate authority has bad news")
	}
}

func checkACMEStaging(r *report) {
	if r.Cluster.Certificates.Issuer == cluster.ACMEStaging {
		r.warn("certificates.issuer", "Write acme once the staging certificate was issued.", "agents and browsers do not trust certificates of acme-staging")
	}
}

func checkSelfSigned(r *report) {
	if r.onCloud() && r.Cluster.Certificates.Issuer == cluster.SelfSigned {
		r.warn("certificates.issuer", "Write acme.", "agents and browsers do not trust self-signed certificates, and %s could have real ones", r.Cluster.Provider.Name)
	}
}
