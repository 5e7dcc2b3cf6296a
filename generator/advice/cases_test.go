package advice_test

import (
	"strings"
	"time"

	"github.com/opsgen/opsgen/generator/bundle"
	"github.com/opsgen/opsgen/generator/cluster"
	"github.com/opsgen/opsgen/generator/quantity"
	"github.com/opsgen/opsgen/generator/tenant"
)

// ruleCase is an input of one rule. Without want, the rule must be silent.
type ruleCase struct {
	rule, name string
	edit       func(*world)
	want       string
	refuse     bool
}

const (
	refused = true
	warned  = false
)

func cases() []ruleCase {
	all := append(placeCases(), networkCases()...)
	for _, more := range [][]ruleCase{sourceCases(), capacityCases(), storageCases(), exposureCases(), componentCases(), tenantCases(), exporterCases()} {
		all = append(all, more...)
	}
	return all
}

func placeCases() []ruleCase {
	zones := func(names ...string) func(*world) { return func(w *world) { w.cluster.Provider.Zones = names } }
	region := func(name string) func(*world) { return func(w *world) { w.cluster.Provider.Region = name } }
	kubernetes := func(v string) func(*world) { return func(w *world) { w.cluster.Kubernetes = v } }
	return []ruleCase{
		{"cluster-name", "capital", func(w *world) { w.cluster.Name = "Prod" }, `"Prod" is not made of`, refused},
		{"cluster-name", "long", func(w *world) { w.cluster.Name = strings.Repeat("a", 31) }, "longer than 30", refused},
		{"cluster-name", "hyphen", func(w *world) { w.cluster.Name = "prod-eu-1" }, "", false},
		{"account", "missing", func(w *world) { w.cluster.Provider.Account = "" }, "nothing is not an AWS account number", refused},
		{"account", "eleven digits", func(w *world) { w.cluster.Provider.Account = "12345678901" }, `"12345678901" is not an AWS account`, refused},
		{"account", "project number", func(w *world) { gcp(w); w.cluster.Provider.Account = "123456789012" }, "is not a Google Cloud project ID", refused},
		{"account", "existing", func(w *world) { existing(w); w.cluster.Provider.Account = "123456789012" }, "provider existing has no account", warned},
		{"region", "missing", region(""), "nothing is not a region of aws", refused},
		{"region", "zone", region("eu-central-1a"), `"eu-central-1a" is a zone`, refused},
		{"region", "google zone", func(w *world) { gcp(w); w.cluster.Provider.Region = "europe-west3-a" }, `is a zone`, refused},
		{"region", "other cloud's", func(w *world) { gcp(w); w.cluster.Provider.Region = "eu-central-1" }, "is not a region of gcp", refused},
		{"region", "government", region("us-gov-west-1"), "", false},
		{"zones-count", "two", zones("eu-central-1a", "eu-central-1b"), "replication 3 needs three zones, 2 are listed", refused},
		{"zones-count", "none", zones(), "replication 3 needs three zones, 0 are listed", refused},
		{"zones-count", "four", zones("eu-central-1a", "eu-central-1b", "eu-central-1c", "eu-central-1d"), "the three copies are in the first three", warned},
		{"zones-count", "one copy", func(w *world) { zones("eu-central-1a")(w); w.cluster.Options.Replication = 1 }, "", false},
		{"zones-count", "one copy nowhere", func(w *world) { zones()(w); w.cluster.Options.Replication = 1 }, "no zones are listed", refused},
		{"zones-count", "existing with one", func(w *world) { existing(w); zones("a")(w) }, "only 1 is listed", warned},
		{"zones-count", "existing without", func(w *world) { existing(w); zones()(w) }, "kept apart by node only", warned},
		{"zones-distinct", "twice", zones("eu-central-1a", "eu-central-1b", "eu-central-1a"), `"eu-central-1a" is listed twice`, refused},
		{"zones-region", "elsewhere", zones("eu-central-1a", "eu-central-1b", "eu-west-1c"), `"eu-west-1c" is not a zone of region eu-central-1`, refused},
		{"zones-region", "letter only", zones("a", "b", "c"), `"a" is not a zone`, refused},
		{"kubernetes-range", "old", kubernetes("1.33"), "Kubernetes 1.33 is outside", refused},
		{"kubernetes-range", "new", kubernetes("1.37"), "Kubernetes 1.37 is outside", refused},
		{"kubernetes-range", "patch", kubernetes("1.35.2"), "is not a Kubernetes minor version", refused},
		{"kubernetes-range", "unquoted", kubernetes("1.3"), "Kubernetes 1.3 is outside", refused},
		{"kubernetes-range", "newest", kubernetes("1.36"), "", false},
		{"replication", "one", func(w *world) { w.cluster.Options.Replication = 1 }, "losing a node loses recent data", warned},
		{"replication", "single", single, "", false},
		{"topology-replication", "three in one", func(w *world) { single(w); w.cluster.Options.Replication = 3 }, "holds one copy, not three", refused},
		{"topology-size", "many series", func(w *world) { single(w); w.cluster.Capacity.Metrics.ActiveSeries = 501e3 }, "501k series are many", warned},
		{"topology-size", "too many series", func(w *world) { single(w); w.cluster.Capacity.Metrics.ActiveSeries = 3e6 }, "3M series are too many", refused},
		{"topology-size", "much", func(w *world) { single(w); w.cluster.Capacity.Logs.BytesPerDay = 51e9 }, "51GB of logs a day are much", warned},
		{"topology-size", "too much", func(w *world) { single(w); w.cluster.Capacity.Logs.BytesPerDay = 1e12 }, "1TB of logs a day are too much", refused},
		{"topology-size", "just right", func(w *world) { single(w); w.cluster.Capacity.Metrics.ActiveSeries = 500e3 }, "", false},
		{"topology-production", "existing", single, "one replica each, not for production", warned},
		{"topology-production", "cloud", func(w *world) { w.cluster.Options.Topology = cluster.SingleBinary }, "topology single-binary on aws", warned},
	}
}

func sourceCases() []ruleCase {
	url := func(text string) func(*world) { return func(w *world) { w.cluster.Source.URL = text } }
	semver := func(text string) func(*world) { return func(w *world) { w.cluster.Source.Semver = text } }
	branch := func(w *world) { w.cluster.Source.Semver, w.cluster.Source.Branch = "", "main" }
	return []ruleCase{
		{"source-one", "neither", semver(""), "nothing to follow", refused},
		{"source-one", "both", func(w *world) { w.cluster.Source.Branch = "main" }, "both set", refused},
		{"source-one", "branch", branch, "", false},
		{"source-url", "http", url("http://git.example.com/a"), `"http" is neither https nor ssh`, refused},
		{"source-url", "file", url("file:///srv/git"), "cannot be read", refused},
		{"source-url", "nothing", url(""), "cannot be read", refused},
		{"source-url", "short notation", url("git@github.com:acme/observability"), "git's short notation", refused},
		{"source-url", "token", url("https://x:secret@github.com/acme/o"), "holds credentials", refused},
		{"source-url", "token as user", url("https://secret@github.com/acme/o"), "holds credentials", refused},
		{"source-url", "ssh", func(w *world) { url("ssh://git@github.com:22/acme/o")(w); w.cluster.Source.Secret = "git" }, "", false},
		{"source-ssh", "no key", url("ssh://git@github.com/acme/o"), "needs a key", refused},
		{"source-ssh", "https", url("https://github.com/acme/o"), "", false},
		{"source-interval", "a second", func(w *world) { w.cluster.Source.Interval = quantity.Duration(time.Second) }, "every 1s is too often", warned},
		{"source-interval", "ten seconds", func(w *world) { w.cluster.Source.Interval = quantity.Duration(10 * time.Second) }, "", false},
		{"semver-syntax", "words", semver("latest"), `"latest" is not a range`, refused},
		{"semver-syntax", "two comparators", semver(">=1.4.0 <2.0.0"), "", false},
		{"semver-build", "revision", semver("1.4.2+rev.7"), "build metadata", refused},
		{"semver-prerelease", "zero", semver(">=1.4.0-0 <2.0.0"), "follows pre-releases", warned},
		{"semver-prerelease", "between", semver("1.2 - 1.9"), "", false},
		{"semver-matches", "next major", semver("2.x"), `no deployment of bundle 1.4.2 (v1.4.N)`, warned},
		{"semver-matches", "older minor", semver("1.3.x"), "no deployment of bundle", warned},
		{"semver-matches", "later patch", semver(">=1.4.31 <1.5.0"), "", false},
		{"semver-major", "open end", semver(">=1.0.0"), "follows every later major", warned},
		{"semver-major", "everything", semver("*"), "follows every later major", warned},
		{"semver-major", "one major", semver("^1.2"), "", false},
		{"branch-large", "production", branch, "a cluster for 5M series follows branch main", warned},
		{"branch-large", "staging", func(w *world) { branch(w); w.cluster.Capacity.Metrics.ActiveSeries = 1e6 }, "", false},
	}
}

func capacityCases() []ruleCase {
	metrics := func(edit func(*cluster.MetricsCapacity)) func(*world) {
		return func(w *world) { edit(&w.cluster.Capacity.Metrics) }
	}
	logs := func(edit func(*cluster.LogsCapacity)) func(*world) {
		return func(w *world) { edit(&w.cluster.Capacity.Logs) }
	}
	hours := func(n int) quantity.Duration { return quantity.Duration(time.Duration(n) * time.Hour) }
	return []ruleCase{
		{"metrics-retention", "an hour", metrics(func(m *cluster.MetricsCapacity) { m.Retention = hours(1) }), "shorter than one block", refused},
		{"metrics-retention", "half a day", metrics(func(m *cluster.MetricsCapacity) { m.Retention = hours(12) }), "shorter than a compacted block", warned},
		{"metrics-retention", "a day", metrics(func(m *cluster.MetricsCapacity) { m.Retention = day }), "", false},
		{"logs-retention", "half a day", logs(func(l *cluster.LogsCapacity) { l.Retention = hours(12) }), "less than a day", refused},
		{"logs-retention", "a day and a half", logs(func(l *cluster.LogsCapacity) { l.Retention = hours(36) }), "not a whole number of days", refused},
		{"logs-retention", "a day", logs(func(l *cluster.LogsCapacity) { l.Retention = day }), "", false},
		{"query-range", "past metrics", metrics(func(m *cluster.MetricsCapacity) { m.MaxQueryRange = 91 * day }), "queries over 91d reach past the retention of 90d", refused},
		{"query-range", "past logs", logs(func(l *cluster.LogsCapacity) { l.MaxQueryRange = 31 * day }), "queries over 31d", refused},
		{"query-range", "years", metrics(func(m *cluster.MetricsCapacity) { m.Retention = 800 * day }), "one query may read 800d", warned},
		{"query-range", "a year of two", metrics(func(m *cluster.MetricsCapacity) { m.Retention, m.MaxQueryRange = 730*day, 365*day }), "", false},
		{"scrape-interval", "a second", metrics(func(m *cluster.MetricsCapacity) {
			m.ActiveSeries, m.ScrapeInterval = 1e6, quantity.Duration(time.Second)
		}), "costs 30 times", warned},
		{"scrape-interval", "five minutes", metrics(func(m *cluster.MetricsCapacity) { m.ScrapeInterval = quantity.Duration(5 * time.Minute) }), "is a gap", warned},
		{"scrape-interval", "a minute", metrics(func(m *cluster.MetricsCapacity) { m.ScrapeInterval = quantity.Duration(time.Minute) }), "", false},
		{"capacity-unit", "five series", metrics(func(m *cluster.MetricsCapacity) { m.ActiveSeries = 5 }), "5 series are less", warned},
		{"capacity-unit", "ten bytes", logs(func(l *cluster.LogsCapacity) { l.BytesPerDay = 10 }), "10B of logs a day", warned},
		{"capacity-sources", "enormous metrics", metrics(func(m *cluster.MetricsCapacity) { m.ActiveSeries = 200e6 }), "200M series", warned},
		{"capacity-sources", "enormous logs", logs(func(l *cluster.LogsCapacity) { l.BytesPerDay = 40e12 }), "40TB", warned},
		{"capacity-sources", "large", logs(func(l *cluster.LogsCapacity) { l.BytesPerDay = 10e12 }), "", false},
		{"nodes", "three are too few", func(w *world) { w.cluster.Provider.MaxNodes = 3 }, "3 are allowed", refused},
		{"nodes", "no bound", func(w *world) { w.cluster.Provider.MaxNodes = 0 }, "", false},
		{"limits-sum", "series", func(w *world) { w.tenants[0].Class, w.tenants[1].Class = tenant.Large, tenant.Large }, "2 tenants add up to 2 times the series", warned},
		{"limits-sum", "logs", func(w *world) { w.tenants[0].Logs.BytesPerDay, w.tenants[1].Logs.BytesPerDay = 500e9, 250e9 }, "1.5 times the log volume", warned},
		{"limits-sum", "exactly", func(w *world) { w.tenants[0].Metrics.ActiveSeries, w.tenants[1].Metrics.ActiveSeries = 4e6, 1e6 }, "", false},
	}
}

func storageCases() []ruleCase {
	storage := func(edit func(*cluster.Storage)) func(*world) {
		return func(w *world) { edit(&w.cluster.Provider.Storage) }
	}
	own := func(endpoint, secret string) func(*world) {
		return func(w *world) {
			existing(w)
			w.cluster.Provider.Storage.Endpoint, w.cluster.Provider.Storage.Secret = endpoint, secret
		}
	}
	name := func(text string) func(*world) { return storage(func(s *cluster.Storage) { s.Metrics = text }) }
	return []ruleCase{
		{"storage-endpoint", "on a cloud", storage(func(s *cluster.Storage) { s.Endpoint = "s3.example.com" }), "provider aws uses the cloud's own", refused},
		{"storage-endpoint", "no keys", own("s3.example.com", ""), "needs keys", refused},
		{"storage-endpoint", "keys for nothing", own("", "s3"), "a secret without an endpoint", refused},
		{"storage-endpoint", "scheme", own("https://s3.example.com/", "s3"), "has a scheme", refused},
		{"storage-endpoint", "path", own("s3.example.com/bucket", "s3"), "has a path", refused},
		{"storage-endpoint", "port", own("s3.example.com:9000", "s3"), "", false},
		{"storage-bundled", "bundled", own("", ""), "not for production", warned},
		{"storage-bundled", "own", own("s3.example.com", "s3"), "", false},
		{"bucket-name", "capital", name("Metrics"), `"Metrics" is not a legal bucket name`, refused},
		{"bucket-name", "dots", name("acme.metrics"), "not a legal bucket name", refused},
		{"bucket-name", "address", name("10.0.0.1"), "not a legal bucket name", refused},
		{"bucket-name", "short", name("ab"), "not a legal bucket name", refused},
		{"bucket-name", "reserved", name("xn--metrics"), "S3 reserves", refused},
		{"bucket-name", "google", func(w *world) { gcp(w); name("acme-google-metrics")(w) }, "Cloud Storage refuses", refused},
		{"bucket-name", "digits", name("acme-2026-metrics"), "", false},
		{"bucket-distinct", "same", func(w *world) { name("acme-logs")(w) }, `metrics and logs share the bucket "acme-logs"`, refused},
	}
}

func exposureCases() []ruleCase {
	domain := func(name string) func(*world) { return func(w *world) { w.cluster.Domain = name } }
	issuer := func(name string) func(*world) { return func(w *world) { w.cluster.Certificates.Issuer = name } }
	zoneID := func(id string) func(*world) { return func(w *world) { w.cluster.DNS.ZoneID = id } }
	return []ruleCase{
		{"domain", "capital", domain("Obs.example.com"), "has capital letters", refused},
		{"domain", "top level", domain("com"), "is a single label", refused},
		{"domain", "scheme", domain("https://obs.example.com/"), "has a scheme", refused},
		{"domain", "wildcard", domain("*.example.com"), "wildcard", refused},
		{"domain", "dot at the end", domain("example.com."), "ends with a dot", refused},
		{"domain", "underscore", domain("my_obs.example.com"), `has the label "my_obs"`, refused},
		{"domain", "empty label", domain("obs..example.com"), `has the label ""`, refused},
		{"domain", "long", domain(strings.Repeat("abc.", 60) + "com"), "leaves no room", refused},
		{"domain-private", "local", domain("obs.local"), `no public authority signs for "obs.local"`, refused},
		{"domain-private", "cluster", domain("proxy.proxy.svc"), "no public authority", refused},
		{"domain-private", "self-signed", func(w *world) { existing(w); domain("obs.local")(w) }, "", false},
		{"dns-zone", "another domain", func(w *world) { w.cluster.DNS.Zone = "example.org" }, "is not in the zone example.org", refused},
		{"dns-zone", "same ending", func(w *world) { w.cluster.DNS.Zone = "bs.example.com" }, "is not in the zone", refused},
		{"dns-zone", "parent", func(w *world) { w.cluster.DNS.Zone = "example.com" }, "", false},
		{"dns-zone-id", "name", zoneID("obs.example.com"), "is not the ID of a Route 53 zone", refused},
		{"dns-zone-id", "path", zoneID("/hostedzone/Z0123456789"), "is a path", refused},
		{"dns-zone-id", "google", func(w *world) { gcp(w); zoneID("obs.example.com")(w) }, "is not the name of a Cloud DNS zone", refused},
		{"dns-zone-id", "existing", func(w *world) { existing(w); zoneID("Z0123456789")(w) }, "writes no DNS records", warned},
		{"dns-zone-id", "right", zoneID("Z0123456789ABCDEF"), "", false},
		{"acme-provider", "existing", func(w *world) { existing(w); issuer(cluster.ACME)(w) }, "provider existing has neither", refused},
		{"acme-email", "none", func(w *world) { w.cluster.Certificates.Email = "" }, "nobody is told", warned},
		{"acme-email", "no address", func(w *world) { w.cluster.Certificates.Email = "platform" }, "is not an e-mail address", refused},
		{"acme-staging", "staging", issuer(cluster.ACMEStaging), "do not trust", warned},
		{"self-signed", "on a cloud", issuer(cluster.SelfSigned), "aws could have real ones", warned},
		{"self-signed", "existing", existing, "", false},
	}
}

func componentCases() []ruleCase {
	component := func(name, workload string, size cluster.Workload) func(*world) {
		return func(w *world) {
			w.cluster.Components = map[string]cluster.Component{name: {}}
			if workload != "" {
				w.cluster.Components[name] = cluster.Component{Workloads: map[string]cluster.Workload{workload: size}}
			}
		}
	}
	identity := func(name, value string) func(*world) {
		return func(w *world) { w.cluster.Provider.Identities = map[string]string{name: value} }
	}
	one, five := 1, 5
	const role = "arn:aws:iam::123456789012:role/obs/cortex"
	return []ruleCase{
		{"component-unknown", "misspelt", component("cortx", "", cluster.Workload{}), `no component "cortx"`, refused},
		{"component-unknown", "known", component("cortex", "", cluster.Workload{}), "", false},
		{"override-low", "replicas", component("cortex", "ingester", cluster.Workload{Replicas: &one}), "cortex/ingester has replicas 1, the capacity needs 7", warned},
		{"override-low", "memory", component("cortex", "ingester", cluster.Workload{Memory: "4Gi"}), "has memory 4Gi, the capacity needs 12Gi", warned},
		{"override-low", "cpu", component("cortex", "ingester", cluster.Workload{CPU: "100m"}), "has cpu 100m", warned},
		{"override-low", "storage", component("cortex", "ingester", cluster.Workload{Storage: "5Gi"}), "has storage 5Gi", warned},
		{"override-low", "more", component("cortex", "ingester", cluster.Workload{Memory: "16Gi"}), "", false},
		{"override-replicas", "alertmanagers", component("cortex", "alertmanager", cluster.Workload{Replicas: &five}), "5 alertmanagers for 3 copies", warned},
		{"override-replicas", "queriers", component("cortex", "querier", cluster.Workload{Replicas: &five}), "", false},
		{"identity-component", "unknown", identity("cortx", role), `"cortx", which is no component`, warned},
		{"identity-component", "existing", func(w *world) { existing(w); identity("cortex", role)(w) }, "no cloud identities", warned},
		{"identity-form", "name for ARN", identity("cortex", "cortex-role"), "is not a role's ARN", refused},
		{"identity-form", "user's ARN", identity("cortex", "arn:aws:iam::123456789012:user/me"), "is not a role's ARN", refused},
		{"identity-form", "another account", identity("cortex", "arn:aws:iam::210987654321:role/cortex"), "the role is in account 210987654321", warned},
		{"identity-form", "pod identity", identity("cortex", ""), "", false},
		{"identity-form", "role", identity("cortex", role), "", false},
		{"identity-form", "ARN on gcp", func(w *world) { gcp(w); identity("cortex", role)(w) }, "is not a service account's e-mail", refused},
		{"identity-form", "e-mail", func(w *world) { gcp(w); identity("cortex", "cortex@acme-observability.iam.gserviceaccount.com")(w) }, "", false},
		{"registry", "scheme", func(w *world) { w.cluster.Registry = "https://registry.example.com" }, "it has a scheme", refused},
		{"registry", "slash", func(w *world) { w.cluster.Registry = "registry.example.com/mirror/" }, "a trailing slash", refused},
		{"registry", "spaces", func(w *world) { w.cluster.Registry = "my registry" }, "is not a prefix of an image", refused},
		{"registry", "port", func(w *world) { w.cluster.Registry = "registry.example.com:5000/a/b" }, "", false},
		{"images-locked", "two", func(w *world) {
			w.bundle.Images = map[string]bundle.Image{"a": {}, "b": {}, "c": {Digest: "sha256:1"}}
		}, "2 images are not locked by digest", warned},
	}
}
