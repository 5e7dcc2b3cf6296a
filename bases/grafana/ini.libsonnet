// grafana.ini. Grafana expands ${NAME} and $__env{NAME} in it: no value may hold a dollar sign.
local proxy = import '../proxy/proxy.libsonnet';

local sections(cluster, tenant) = {
  local host = '%s.%s' % [tenant.name, cluster.domain],

  server: {
    http_port: 3000,
    domain: host,
    root_url: 'https://%s/' % host,
    // TLS ends at the proxy.
    protocol: 'http',
  },
  paths: {
    data: '/var/lib/grafana',
    logs: '/var/lib/grafana/log',
    plugins: '/var/lib/grafana/plugins',
    provisioning: '/etc/grafana/provisioning',
  },
  // The database is in the pod and goes with it, unless the tenant has a volume (grafana.storage). Everything that matters
  // comes from Git, so that an upgrade starts on a fresh one, and does not have to migrate.
  database: { type: 'sqlite3', path: '/var/lib/grafana/grafana.db', wal: true },

  security: {
    // secret_key comes from the Secret `grafana`, by GF_SECURITY_SECRET_KEY.
    disable_initial_admin_creation: true,
    disable_gravatar: true,
    cookie_secure: true,
    cookie_samesite: 'lax',
    allow_embedding: false,
    // Also a data source that somebody adds by hand reaches nothing but the sidecar; the network policy says the same.
    data_source_proxy_whitelist: '127.0.0.1:8081 127.0.0.1:8082',
  },

  // Who a person is says the proxy, in a token that it signs anew for each request. Grafana has no users of its own, no
  // password and no form to try one.
  auth: { disable_login_form: true, disable_signout_menu: true },
  'auth.basic': { enabled: false },
  'auth.anonymous': { enabled: false },
  'auth.proxy': { enabled: false },
  'auth.jwt': {
    enabled: true,
    header_name: proxy.grafana.header,
    jwk_set_url: proxy.grafana.keys,
    // The proxy goes on signing with the key before for twice as long after a change (grafana.keyOverlap).
    cache_ttl: '5m',
    // A token for another tenant's Grafana is none.
    expect_claims: std.manifestJsonMinified({
      iss: proxy.grafana.issuer(cluster),
      aud: proxy.grafana.audience(tenant),
    }),
    username_claim: 'sub',
    email_claim: 'email',
    auto_sign_up: true,
    url_login: false,
    role_attribute_path: 'role',
    // Who has no role is turned away, and not a viewer.
    role_attribute_strict: true,
    allow_assign_grafana_admin: false,
    skip_org_role_sync: false,
  },
  users: { allow_sign_up: false, allow_org_create: false, auto_assign_org: true, viewers_can_edit: false },

  // Nothing is installed, updated or asked for at the start: the image has its plug-ins, the root is read-only, and there
  // is no way out. Without these lines Grafana removes its own data sources in order to replace them.
  plugins: { preinstall_disabled: true, preinstall_auto_update: false, plugin_admin_enabled: false },
  analytics: {
    enabled: false,
    reporting_enabled: false,
    check_for_updates: false,
    check_for_plugin_updates: false,
    feedback_links_enabled: false,
  },
  news: { news_feed_enabled: false },
  snapshots: { enabled: false, external_enabled: false },
  public_dashboards: { enabled: false },

  // Rules are evaluated by Cortex and Loki. The pages that show their alerts and silences stay; Grafana's own rules
  // would be lost with the pod, so that none are evaluated.
  unified_alerting: { enabled: true, execute_alerts: false },

  dashboards: { min_refresh_interval: '10s' },
  log: { mode: 'console', level: 'info' },
  'log.console': { format: 'json' },
  metrics: { enabled: true, disable_total_stats: true },
};

// Written by hand: std.manifestIni formats text piece by piece, which took longer than all else of a tenant.
local line(section, key) =
  local value = section[key];
  key + ' = ' + (if std.isString(value) then value else std.toString(value)) + '\n';

function(cluster, tenant)
  local all = sections(cluster, tenant);
  std.join('', [
    '[' + name + ']\n' + std.join('', [line(all[name], key) for key in std.objectFields(all[name])])
    for name in std.objectFields(all)
  ])
