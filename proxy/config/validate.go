package config

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/quantity"
)

// checker checks the values of one file.
type checker struct{ document.Collector }

func newChecker(doc *document.Document) *checker {
	return &checker{document.Collector{Document: doc}}
}

func (c *Config) problems(doc *document.Document) document.Problems {
	check := newChecker(doc)
	check.label("cluster", c.Cluster)
	if reasons := validation.IsDNS1123Subdomain(c.Domain); len(reasons) > 0 || !strings.Contains(c.Domain, ".") {
		check.Fail("domain", `Write a name such as "obs.example.com".`, "is %q, which is not a DNS name of several labels", c.Domain)
	}
	check.between("replicas", c.Replicas, 1, 1000)
	check.file("tenantsFile", c.TenantsFile)
	check.listeners(c.Listeners)
	check.tokens(c.Tokens)
	check.serviceAccounts(c.ServiceAccounts)
	check.upstreams(c.Upstreams)
	check.grafana(c.Grafana)
	check.login(c.Login)
	check.limits(c.Limits)
	check.timeouts(c.Timeouts)
	if levels := []string{"debug", "info", "warn", "error"}; !slices.Contains(levels, c.Log.Level) {
		check.Fail("log.level", "Write one of "+strings.Join(levels, ", ")+".", "is %q", c.Log.Level)
	}
	check.part("log.accessSample", c.Log.AccessSample)
	check.part("tracing.sample", c.Tracing.Sample)
	if c.Tracing.Endpoint != "" {
		check.origin("tracing.endpoint", c.Tracing.Endpoint, "http", "https")
	}
	return check.Problems
}

func (c *checker) listeners(l Listeners) {
	ports := map[string]string{}
	for _, listener := range []struct{ path, address string }{
		{"listeners.public.address", l.Public.Address},
		{"listeners.internal.address", l.Internal.Address},
		{"listeners.admin.address", l.Admin.Address},
	} {
		_, port, err := net.SplitHostPort(listener.address)
		number, badPort := strconv.ParseUint(port, 10, 16)
		if err != nil || badPort != nil {
			c.Fail(listener.path, `Write "host:port", or ":8443" for all interfaces.`, "is %q, which is not an address with a port number", listener.address)
			continue
		}
		// Port 0 lets the system choose, for tests; any number of listeners may ask for it.
		if other, taken := ports[port]; taken && number != 0 {
			c.Fail(listener.path, "Give each listener a port of its own.", "has the port of %s", other)
		}
		ports[port] = listener.path
	}
	c.files("listeners.public.certificates", l.Public.Certificates)
	c.files("listeners.internal.certificates", l.Internal.Certificates)
}

func (c *checker) tokens(t Tokens) {
	for _, text := range []struct{ path, value string }{{"tokens.issuer", t.Issuer}, {"tokens.audience", t.Audience}} {
		c.word(text.path, text.value)
	}
	for i, algorithm := range t.Algorithms {
		if !slices.Contains(Algorithms(), algorithm) {
			c.Fail(fmt.Sprintf("tokens.algorithms[%d]", i), "Write EdDSA, ES256 or RS256; symmetric ones are never accepted.", "is %q", algorithm)
		}
	}
	c.file("tokens.keysFile", t.KeysFile)
	c.file("tokens.revocationsFile", t.RevocationsFile)
	c.within("tokens.clockSkew", t.ClockSkew, time.Millisecond, 5*time.Minute)
	c.between("tokens.cacheEntries", t.CacheEntries, 1, 10_000_000)
}

func (c *checker) serviceAccounts(s ServiceAccounts) {
	c.word("serviceAccounts.audience", s.Audience)
	if s.Issuer != "" {
		c.word("serviceAccounts.issuer", s.Issuer)
	}
	c.origin("serviceAccounts.apiServer", s.APIServer, "https")
	c.file("serviceAccounts.caFile", s.CAFile)
	c.file("serviceAccounts.tokenFile", s.TokenFile)
	c.within("serviceAccounts.refresh", s.Refresh, 10*time.Second, time.Hour)
}

func (c *checker) upstreams(u Upstreams) {
	if u.Metrics == nil && u.Logs == nil {
		c.Fail("upstreams", "Write metrics, logs or both.", "names no component")
	}
	if m := u.Metrics; m != nil {
		c.origin("upstreams.metrics.distributor", m.Distributor)
		c.origin("upstreams.metrics.queryFrontend", m.QueryFrontend)
		c.origin("upstreams.metrics.ruler", m.Ruler)
		c.origin("upstreams.metrics.alertmanager", m.Alertmanager)
		if m.Purger != "" {
			c.origin("upstreams.metrics.purger", m.Purger)
		}
	}
	if l := u.Logs; l != nil {
		c.origin("upstreams.logs.distributor", l.Distributor)
		c.origin("upstreams.logs.queryFrontend", l.QueryFrontend)
		c.origin("upstreams.logs.querier", l.Querier)
		c.origin("upstreams.logs.ruler", l.Ruler)
		c.origin("upstreams.logs.compactor", l.Compactor)
	}
}

func (c *checker) grafana(g Grafana) {
	// The tenant must be a part of the host, or one tenant's people would be sent to another's Grafana.
	if strings.Count(g.Upstream, "{tenant}") != 1 {
		c.Fail("grafana.upstream", `Write "http://grafana.tenant-{tenant}.svc:3000".`, "is %q; it must hold {tenant} once", g.Upstream)
	} else {
		c.origin("grafana.upstream", strings.ReplaceAll(g.Upstream, "{tenant}", "name"))
	}
	c.file("grafana.signingKey", g.SigningKey)
	c.within("grafana.keyOverlap", g.KeyOverlap, time.Second, 24*time.Hour)
}

func (c *checker) limits(l Limits) {
	c.between("limits.connections", l.Connections, 1, 10_000_000)
	c.between("limits.concurrentRequests", l.ConcurrentRequests, 1, 10_000_000)
	c.part("limits.tenantShare", l.TenantShare)
	c.size("limits.headerBytes", l.HeaderBytes, 1<<10, 1<<20)
	c.within("limits.hostTagsKept", l.HostTagsKept, time.Minute, 7*24*time.Hour)
	c.tenantLimits("limits.tenant", l.Tenant)
}

// tenantLimits accepts 0, which means that the field follows the default.
func (c *checker) tenantLimits(path string, l TenantLimits) {
	c.between(path+".requestsPerSecond", l.RequestsPerSecond, 0, 10_000_000)
	c.between(path+".concurrentRequests", l.ConcurrentRequests, 0, 10_000_000)
	c.size(path+".bytesPerSecond", l.BytesPerSecond, 0, 1<<40)
	c.size(path+".bodyBytes", l.BodyBytes, 0, 1<<30)
	c.size(path+".inflatedBytes", l.InflatedBytes, 0, 4<<30)
	c.between(path+".streams", l.Streams, 0, 1_000_000)
}

func (c *checker) timeouts(t Timeouts) {
	for _, timeout := range []struct {
		path  string
		value quantity.Duration
	}{
		{"headers", t.Headers},
		{"bodyIdle", t.BodyIdle},
		{"idle", t.Idle},
		{"connect", t.Connect},
		{"write", t.Write},
		{"query", t.Query},
		{"streamIdle", t.StreamIdle},
		{"drainDelay", t.DrainDelay},
		{"drain", t.Drain},
	} {
		c.within("timeouts."+timeout.path, timeout.value, time.Millisecond, time.Hour)
	}
}

func (c *checker) label(path, value string) {
	if len(validation.IsDNS1123Label(value)) > 0 {
		c.Fail(path, "Write lower-case letters, digits and dashes, at most 63.", "is %q, which is not a DNS label", value)
	}
}

// word is a text without spaces, as issuers and audiences are.
func (c *checker) word(path, value string) {
	if value == "" || len(value) > 512 || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		c.Fail(path, "Write a text without spaces.", "is %q", value)
	}
}

func (c *checker) files(at string, values []string) {
	for i, value := range values {
		c.file(fmt.Sprintf("%s[%d]", at, i), value)
	}
}

func (c *checker) file(at, value string) {
	if !path.IsAbs(value) || path.Clean(value) != value {
		c.Fail(at, `Write the whole path, such as "/etc/proxy-keys/jwks.json".`, "is %q, which is not an absolute path", value)
	}
}

// origin is a URL of scheme and host only: a path would silently change what is called.
func (c *checker) origin(at, value string, schemes ...string) {
	if schemes == nil {
		schemes = []string{"http", "https", "h2c"}
	}
	u, err := url.Parse(value)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" || value != u.Scheme+"://"+u.Host {
		c.Fail(at, "Write scheme, host and port only, such as "+schemes[0]+"://name.namespace.svc:8080.", "is %q, which is not such a URL", value)
	}
}

func (c *checker) between(at string, value, least, most int) {
	if value < least || value > most {
		c.Fail(at, fmt.Sprintf("Write a number from %d to %d.", least, most), "is %d", value)
	}
}

func (c *checker) size(at string, value, least, most quantity.Bytes) {
	if value < least || value > most {
		c.Fail(at, fmt.Sprintf("Write a size from %s to %s.", least, most), "is %s", value)
	}
}

// within names the bounds in Go's notation: all of them are short.
func (c *checker) within(at string, value quantity.Duration, least, most time.Duration) {
	if time.Duration(value) < least || time.Duration(value) > most {
		c.Fail(at, fmt.Sprintf("Write a duration from %s to %s.", quantity.Duration(least), quantity.Duration(most)), "is %s", value)
	}
}

// part also refuses what is not a number.
func (c *checker) part(at string, value float64) {
	if !(value >= 0 && value <= 1) {
		c.Fail(at, "Write a part from 0 to 1, such as 0.5.", "is %v", value)
	}
}
