package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// startAll starts the contenders that were asked for, and names the ones that are not installed.
func startAll(ctx context.Context, p *place, o options) (started []*contender, missing []string, err error) {
	type starter struct {
		name  string
		start func(context.Context, *place, *contender, options) error
	}
	starters := []starter{{baseline, startBare}}
	for _, binary := range strings.Split(o.proxy, ",") {
		starters = append(starters, starter{filepath.Base(binary), func(ctx context.Context, p *place, c *contender, _ options) error {
			return startProxy(ctx, p, c, binary)
		}})
	}
	starters = append(starters, starter{"nginx", startNginx}, starter{"haproxy", startHaproxy})
	for _, s := range starters {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), s.name) {
			continue
		}
		if s.name == "nginx" || s.name == "haproxy" {
			if _, err := exec.LookPath(s.name); err != nil {
				missing = append(missing, s.name)
				continue
			}
		}
		c := &contender{name: s.name}
		if c.address, err = free(); err != nil {
			return started, missing, err
		}
		if err := s.start(ctx, p, c, o); err != nil {
			return append(started, c), missing, err
		}
		started = append(started, c)
	}
	return started, missing, nil
}

// startBare starts this program as a bare reverse proxy.
func startBare(ctx context.Context, p *place, c *contender, _ options) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	admin, err := free()
	if err != nil {
		return err
	}
	c.metrics = "http://" + admin + "/metrics"
	return start(ctx, p, c, self, bareCommand, c.address, admin, p.upstream.URL, p.file("tls"))
}

// startProxy starts the proxy with everything on: tokens, limits, metrics.
func startProxy(ctx context.Context, p *place, c *contender, binary string) error {
	var addresses [2]string
	for i := range addresses {
		var err error
		if addresses[i], err = free(); err != nil {
			return err
		}
	}
	c.metrics = "http://" + addresses[1] + "/metrics"
	settings := fmt.Sprintf(`cluster: %[1]s
domain: %[2]s
tenantsFile: %[3]s/tenants.yaml
listeners:
  public: {address: "%[4]s", certificates: [%[3]s/tls]}
  internal: {address: "%[5]s", certificates: [%[3]s/tls]}
  admin: {address: "%[6]s", profiling: true}
tokens: {keysFile: %[3]s/keys/jwks.json, revocationsFile: %[3]s/keys/revocations.yaml}
upstreams:
  metrics: {distributor: "%[7]s", queryFrontend: "%[7]s", ruler: "%[7]s", alertmanager: "%[7]s"}
grafana: {upstream: "http://grafana.tenant-{tenant}.svc:3000", signingKey: %[3]s/signing}
limits: {connections: 5000, concurrentRequests: 5000, tenantShare: 1}
`, cluster, domain, p.folder, c.address, addresses[0], addresses[1], p.upstream.URL)
	tenants := fmt.Sprintf("tenants:\n- name: %s\n  limits: {requestsPerSecond: 1000000, concurrentRequests: 5000, bytesPerSecond: 100GiB, bodyBytes: 1GiB}\n", tenant)
	if err := p.write([]byte(settings), c.name+".yaml"); err != nil {
		return err
	}
	if err := p.write([]byte(tenants), "tenants.yaml"); err != nil {
		return err
	}
	return start(ctx, p, c, binary, "serve", "--config="+p.file(c.name+".yaml"))
}

// startNginx starts nginx with as many workers as the others have threads; it compares the token with one string.
func startNginx(ctx context.Context, p *place, c *contender, _ options) error {
	settings := fmt.Sprintf(`daemon off; worker_processes 2; pid %[1]s/nginx.pid; error_log stderr warn;
events { worker_connections 2048; }
http {
  access_log off; client_max_body_size 100m; map_hash_bucket_size 2048; keepalive_requests 1000000; http2_max_requests 1000000;
  client_body_temp_path %[1]s/nginx-body; proxy_temp_path %[1]s/nginx-proxy;
  fastcgi_temp_path %[1]s/nginx-f; uwsgi_temp_path %[1]s/nginx-u; scgi_temp_path %[1]s/nginx-s;
  map $http_authorization $tenant { default ""; "Bearer %[2]s" %[3]s; }
  upstream cortex { server %[4]s; keepalive 512; keepalive_requests 1000000; }
  server {
    listen %[5]s ssl http2; server_name %[6]s;
    ssl_certificate %[7]s/tls.crt; ssl_certificate_key %[7]s/tls.key; ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    location / {
      if ($tenant = "") { return 401; }
      proxy_pass http://cortex; proxy_http_version 1.1; proxy_request_buffering off;
      proxy_set_header Connection ""; proxy_set_header Authorization ""; proxy_set_header X-Scope-OrgID $tenant;
    }
  }
}
`, p.folder, p.token, tenant, strings.TrimPrefix(p.upstream.URL, "http://"), c.address, host, p.file("tls"))
	if err := p.write([]byte(settings), "nginx.conf"); err != nil {
		return err
	}
	return start(ctx, p, c, "nginx", "-c", p.file("nginx.conf"), "-e", "stderr")
}

// startHaproxy starts haproxy, which verifies the token's signature on every request.
func startHaproxy(ctx context.Context, p *place, c *contender, _ options) error {
	settings := fmt.Sprintf(`global
  nbthread 2
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
  ssl-server-verify none
  tune.bufsize 32768
defaults
  mode http
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
frontend public
  bind %s ssl crt %s alpn h2,http/1.1
  http-request set-var(txn.token) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.token),jwt_header_query('$.alg') -m str ES256 }
  http-request deny deny_status 401 unless { var(txn.token),jwt_verify("ES256","%s") -m int 1 }
  http-request set-var(txn.subject) var(txn.token),jwt_payload_query('$.sub')
  http-request deny deny_status 401 unless { var(txn.subject) -m found }
  http-request del-header authorization
  http-request set-header X-Scope-OrgID %%[var(txn.subject)]
  default_backend cortex
backend cortex
  server one %s
`, c.address, p.file("tls", "both.pem"), p.file("keys", "public.pem"), strings.TrimPrefix(p.upstream.URL, "http://"))
	if err := p.write([]byte(settings), "haproxy.cfg"); err != nil {
		return err
	}
	return start(ctx, p, c, "haproxy", "-db", "-f", p.file("haproxy.cfg"))
}
