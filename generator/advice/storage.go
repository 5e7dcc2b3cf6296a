package advice

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/opsgen/opsgen/generator/cluster"
)

// storageRules look at buckets.
func storageRules() []rule {
	return []rule{
		{"storage-endpoint", "On a cloud the buckets are the cloud's; an endpoint of one's own is for provider existing, and needs its keys.", checkEndpoint},
		{"storage-bundled", "The object storage that comes with the bundle is one pod with one volume.", checkBundledStorage},
		{"bucket-name", "Bucket names follow the rules of S3 and Cloud Storage, and have no dots, which TLS certificates do not cover.", checkBucketNames},
		{"bucket-distinct", "Metrics, logs and rules have different owners, retentions and permissions: a bucket each.", checkBucketsDistinct},
	}
}

func checkEndpoint(r *report) {
	s := r.Cluster.Provider.Storage
	if r.onCloud() {
		if s.Endpoint != "" || s.Secret != "" {
			r.refuse("provider.storage", "Remove endpoint and secret, or use provider existing.",
				"provider %s uses the cloud's own storage and identities", r.Cluster.Provider.Name)
		}
		return
	}
	host, _, _ := strings.Cut(s.Endpoint, "/")
	switch {
	case s.Endpoint == "" && s.Secret != "":
		r.refuse("provider.storage.secret", "Add endpoint, or remove secret.", "a secret without an endpoint: the bundled storage makes its own keys")
	case s.Endpoint == "":
	case strings.Contains(s.Endpoint, "://"):
		_, rest, _ := strings.Cut(s.Endpoint, "://")
		r.refuse("provider.storage.endpoint", "Write "+strings.Trim(rest, "/")+"; it is reached over https.", "the endpoint %q has a scheme", s.Endpoint)
	case host != s.Endpoint:
		r.refuse("provider.storage.endpoint", "Write "+host+"; the buckets' names are fields of their own.", "the endpoint %q has a path", s.Endpoint)
	case s.Secret == "":
		r.refuse("provider.storage.endpoint", "Name a Secret with access-key and secret-key in provider.storage.secret.", "the endpoint needs keys")
	}
}

func checkBundledStorage(r *report) {
	if r.Cluster.BundledStorage() {
		r.warn("provider.storage", "Set provider.storage.endpoint and secret for production.", "the bundled object storage is one pod with one volume, not for production")
	}
}

var bucketForm = regexp.MustCompile(`^[a-z0-9][-a-z0-9]{1,61}[a-z0-9]$`)

func (r *report) buckets() map[string]string {
	s := r.Cluster.Provider.Storage
	return map[string]string{"metrics": s.Metrics, "logs": s.Logs, "rules": s.Rules}
}

func checkBucketNames(r *report) {
	buckets := r.buckets()
	for _, use := range []string{"metrics", "logs", "rules"} {
		name := buckets[use]
		path := "provider.storage." + use
		_, notAddress := netip.ParseAddr(name)
		switch {
		case notAddress == nil, !bucketForm.MatchString(name):
			r.refuse(path, "Write 3 to 63 lower-case letters, digits and hyphens, such as acme-"+use+".", "%q is not a legal bucket name", name)
		case hasAnyPrefix(name, "xn--", "sthree-", "amzn-s3-demo-"), strings.HasSuffix(name, "-s3alias"), strings.HasSuffix(name, "--ol-s3"):
			r.refuse(path, "Choose another name.", "S3 reserves names like %q", name)
		case r.Cluster.Provider.Name == cluster.GCP && (strings.HasPrefix(name, "goog") || strings.Contains(name, "google")):
			r.refuse(path, "Choose another name.", "Cloud Storage refuses names like %q", name)
		}
	}
}

func checkBucketsDistinct(r *report) {
	buckets := r.buckets()
	for _, pair := range [][2]string{{"logs", "metrics"}, {"rules", "metrics"}, {"rules", "logs"}} {
		if buckets[pair[0]] == buckets[pair[1]] {
			r.refuse("provider.storage."+pair[0], "Give each a bucket of its own.", "%s and %s share the bucket %q", pair[1], pair[0], buckets[pair[0]])
		}
	}
}

func hasAnyPrefix(text string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
