package config

import (
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
)

// SetDefaults fills every field that was left out and has a default.
func (c *Config) SetDefaults() {
	orNumber(&c.Replicas, 1)
	orText(&c.TenantsFile, "/etc/proxy-tenants/"+TenantsFileName)
	c.Listeners.setDefaults()
	c.Tokens.setDefaults(c.Cluster)
	c.ServiceAccounts.setDefaults()
	orText(&c.Grafana.SigningKey, "/etc/proxy-signing")
	orTime(&c.Grafana.KeyOverlap, 10*time.Minute)
	if c.Login != nil {
		c.Login.setDefaults()
	}
	c.Limits.setDefaults()
	c.Timeouts.setDefaults()
	orText(&c.Log.Level, "info")
	if c.Tracing.Endpoint != "" {
		orNumber(&c.Tracing.Sample, 0.01)
	}
}

func (l *Listeners) setDefaults() {
	orText(&l.Public.Address, ":8443")
	orText(&l.Internal.Address, ":8444")
	orText(&l.Admin.Address, ":9090")
	if len(l.Public.Certificates) == 0 {
		l.Public.Certificates = []string{"/etc/proxy-tls/public"}
	}
	if len(l.Internal.Certificates) == 0 {
		l.Internal.Certificates = []string{"/etc/proxy-tls/internal"}
	}
}

func (t *Tokens) setDefaults(cluster string) {
	orText(&t.Issuer, "opsgen")
	orText(&t.Audience, cluster)
	if len(t.Algorithms) == 0 {
		t.Algorithms = Algorithms()
	}
	orText(&t.KeysFile, "/etc/proxy-keys/jwks.json")
	orText(&t.RevocationsFile, "/etc/proxy-keys/revocations.yaml")
	orTime(&t.ClockSkew, 30*time.Second)
	orNumber(&t.CacheEntries, 10000)
}

func (s *ServiceAccounts) setDefaults() {
	orText(&s.Audience, "opsgen-proxy")
	orText(&s.APIServer, "https://kubernetes.default.svc")
	orText(&s.CAFile, "/var/run/secrets/apiserver/ca.crt")
	orText(&s.TokenFile, "/var/run/secrets/apiserver/token")
	orTime(&s.Refresh, 5*time.Minute)
}

func (l *Limits) setDefaults() {
	orNumber(&l.Connections, 20000)
	orNumber(&l.ConcurrentRequests, 4000)
	orNumber(&l.TenantShare, 0.5)
	orNumber(&l.HeaderBytes, 64<<10)
	orTime(&l.HostTagsKept, 2*time.Hour)
	l.Tenant = l.Tenant.Or(TenantLimits{
		RequestsPerSecond:  1000,
		ConcurrentRequests: 500,
		BytesPerSecond:     64 << 20,
		BodyBytes:          32 << 20,
		InflatedBytes:      128 << 20,
		Streams:            20,
	})
}

func (t *Timeouts) setDefaults() {
	orTime(&t.Headers, 10*time.Second)
	orTime(&t.BodyIdle, 30*time.Second)
	orTime(&t.Idle, 6*time.Minute)
	orTime(&t.Connect, 3*time.Second)
	orTime(&t.Write, 30*time.Second)
	orTime(&t.Query, 5*time.Minute)
	orTime(&t.StreamIdle, 2*time.Minute)
	orTime(&t.DrainDelay, 30*time.Second)
	orTime(&t.Drain, 5*time.Minute)
}

func orText(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func orNumber[N int | float64 | quantity.Bytes](field *N, value N) {
	if *field == 0 {
		*field = value
	}
}

func orTime(field *quantity.Duration, value time.Duration) {
	if *field == 0 {
		*field = quantity.Duration(value)
	}
}
