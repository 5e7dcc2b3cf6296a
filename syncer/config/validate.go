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

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opsgen/opsgen/generator/document"
)

// checker checks the values of one file.
type checker struct{ document.Collector }

func newChecker(doc *document.Document) *checker {
	return &checker{document.Collector{Document: doc}}
}

func (c *Config) problems(doc *document.Document) document.Problems {
	check := newChecker(doc)
	_, port, err := net.SplitHostPort(c.Admin)
	if _, badPort := strconv.ParseUint(port, 10, 16); err != nil || badPort != nil {
		check.Fail("admin", `Write "host:port", or ":9090" for all interfaces.`, "is %q, which is not an address with a port number", c.Admin)
	}
	check.proxy(c.Proxy)
	check.path("metrics.rulesPath", c.Metrics.RulesPath)
	check.path("metrics.alertmanagerPath", c.Metrics.AlertmanagerPath)
	check.path("logs.rulesPath", c.Logs.RulesPath)
	check.sources(c.Sources)
	if d := time.Duration(c.Resync); d < 10*time.Second || d > 24*time.Hour {
		check.Fail("resync", "Write a duration from 10s to 24h.", "is %s", c.Resync)
	}
	if c.RequestsPerSecond < 1 || c.RequestsPerSecond > 10000 {
		check.Fail("requestsPerSecond", "Write a number from 1 to 10000.", "is %d", c.RequestsPerSecond)
	}
	namespace, name, _ := strings.Cut(c.Lease, "/")
	if len(validation.IsDNS1123Label(namespace)) > 0 || len(validation.IsDNS1123Subdomain(name)) > 0 {
		check.Fail("lease", `Write namespace and name, such as "syncer/syncer".`, "is %q, which is not a lease's name", c.Lease)
	}
	if levels := []string{"debug", "info", "warn", "error"}; !slices.Contains(levels, c.LogLevel) {
		check.Fail("logLevel", "Write one of "+strings.Join(levels, ", ")+".", "is %q", c.LogLevel)
	}
	check.path("erase.file", c.Erase.File)
	if d := time.Duration(c.Erase.Interval); d < time.Second || d > time.Hour {
		check.Fail("erase.interval", "Write a duration from 1s to 1h.", "is %s", c.Erase.Interval)
	}
	if d := time.Duration(c.Erase.Settle); d < time.Second || d > 30*24*time.Hour {
		check.Fail("erase.settle", "Write a duration from 1s to 30d.", "is %s", c.Erase.Settle)
	}
	check.secrets(c.GeneratedSecrets)
	return check.Problems
}

func (c *checker) proxy(p Proxy) {
	u, err := url.Parse(p.URL)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || p.URL != "https://"+u.Host {
		c.Fail("proxy.url", `Write scheme and host only: "https://proxy-internal.proxy.svc".`, "is %q, which is not such a URL", p.URL)
	}
	c.path("proxy.caFile", p.CAFile)
	c.path("proxy.tokenFile", p.TokenFile)
}

func (c *checker) path(at, value string) {
	if !path.IsAbs(value) || path.Clean(value) != value || strings.ContainsAny(value, "?#% ") {
		c.Fail(at, "Write a whole path that begins with a slash.", "is %q", value)
	}
}

func (c *checker) sources(s Sources) {
	if reasons := validation.IsQualifiedName(s.TenantLabel); len(reasons) > 0 {
		c.Fail("sources.tenantLabel", `Write a label such as "opsgen.dev/tenant".`, "is %q, which is not a label's key", s.TenantLabel)
	}
	for _, selector := range []struct{ path, value string }{
		{"sources.namespaces", s.Namespaces},
		{"sources.metricsRules", s.MetricsRules},
		{"sources.logsRules", s.LogsRules},
		{"sources.alertmanager", s.Alertmanager},
	} {
		c.selector(selector.path, selector.value)
	}
	// The prefix is what tells the syncer's rule namespaces from everybody else's: it may not be empty.
	c.prefix("sources.rulePrefix", s.RulePrefix)
	c.prefix("sources.logsRulePrefix", s.LogsRulePrefix)
	if strings.Contains(s.LogsRulePrefix, "/") {
		c.Fail("sources.logsRulePrefix", `Write another character, such as "git:".`, "is %q, and Loki cannot write a namespace with a slash", s.LogsRulePrefix)
	}
}

func (c *checker) prefix(at, value string) {
	if len(value) < 2 || len(value) > 32 || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' }) {
		c.Fail(at, `Write 2 to 32 printable characters, such as "git:".`, "is %q", value)
	}
}

func (c *checker) selector(at, value string) {
	selector, err := labels.Parse(value)
	if err != nil {
		c.Fail(at, `Write a label selector such as "opsgen.dev/tenant" or "opsgen.dev/rules=metrics".`, "is %q, which is not a label selector: %v", value, err)
		return
	}
	if selector.Empty() {
		c.Fail(at, "Write at least one label.", "selects everything")
	}
}

func (c *checker) secrets(secrets []GeneratedSecret) {
	seen := map[string]int{}
	for i, secret := range secrets {
		at := fmt.Sprintf("generatedSecrets[%d]", i)
		if reasons := validation.IsDNS1123Subdomain(secret.Name); len(reasons) > 0 {
			c.Fail(at+".name", "", "is %q, which is not a Secret's name: %s", secret.Name, strings.Join(reasons, "; "))
		}
		if (len(secret.Namespaces) == 0) == (secret.NamespaceSelector == "") {
			c.Fail(at, "Write namespaces for one secret that they share, or namespaceSelector for one in each.", "must have namespaces or namespaceSelector, and not both")
		} else if secret.NamespaceSelector != "" {
			c.selector(at+".namespaceSelector", secret.NamespaceSelector)
		}
		for j, namespace := range secret.Namespaces {
			where := fmt.Sprintf("%s.namespaces[%d]", at, j)
			if reasons := validation.IsDNS1123Label(namespace); len(reasons) > 0 {
				c.Fail(where, "", "is %q, which is not a namespace's name: %s", namespace, strings.Join(reasons, "; "))
			}
			who := namespace + "/" + secret.Name
			if first, repeated := seen[who]; repeated {
				c.Fail(where, "Remove one of the two.", "makes %s like generatedSecrets[%d]", who, first)
			}
			seen[who] = i
		}
		c.keys(at+".keys", secret.Keys)
	}
}

func (c *checker) keys(at string, keys map[string]int) {
	if len(keys) == 0 {
		c.Fail(at, `Write at least one key with its length, such as {access-key: 20}.`, "is empty")
	}
	names := make([]string, 0, len(keys))
	for name := range keys {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if reasons := validation.IsConfigMapKey(name); len(reasons) > 0 {
			c.Fail(at, "", "has the key %q, which a Secret cannot have: %s", name, strings.Join(reasons, "; "))
		}
		if length := keys[name]; length < 16 || length > 1024 {
			c.Fail(at+"."+name, "Write a length from 16 to 1024 characters.", "is %d", length)
		}
	}
}
