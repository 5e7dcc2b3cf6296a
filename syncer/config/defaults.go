package config

import (
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
)

// SetDefaults fills every field that was left out and has a default.
func (c *Config) SetDefaults() {
	for _, text := range []struct {
		field *string
		value string
	}{
		{&c.Admin, ":9090"},
		{&c.Proxy.CAFile, "/etc/internal-ca/ca.crt"},
		{&c.Proxy.TokenFile, "/var/run/secrets/proxy/token"},
		{&c.Metrics.RulesPath, "/api/v1/rules"},
		{&c.Metrics.AlertmanagerPath, "/api/v1/alerts"},
		{&c.Logs.RulesPath, "/loki/api/v1/rules"},
		{&c.Sources.TenantLabel, "opsgen.dev/tenant"},
		{&c.Sources.MetricsRules, "opsgen.dev/rules=metrics"},
		{&c.Sources.LogsRules, "opsgen.dev/rules=logs"},
		{&c.Sources.Alertmanager, "opsgen.dev/alertmanager=true"},
		{&c.Sources.RulePrefix, "git/"},
		{&c.Sources.LogsRulePrefix, "git:"},
		{&c.Erase.File, "/etc/syncer-erase/erase.yaml"},
		{&c.Lease, "syncer/syncer"},
		{&c.LogLevel, "info"},
	} {
		if *text.field == "" {
			*text.field = text.value
		}
	}
	if c.Sources.Namespaces == "" {
		c.Sources.Namespaces = c.Sources.TenantLabel
	}
	if c.Resync == 0 {
		c.Resync = quantity.Duration(5 * time.Minute)
	}
	if c.Erase.Interval == 0 {
		c.Erase.Interval = quantity.Duration(5 * time.Minute)
	}
	if c.Erase.Settle == 0 {
		c.Erase.Settle = quantity.Duration(15 * time.Minute)
	}
	if c.RequestsPerSecond == 0 {
		c.RequestsPerSecond = 10
	}
}
