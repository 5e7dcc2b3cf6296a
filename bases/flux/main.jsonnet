// The two controllers of Flux, built from the Deployments of their own releases. Everything that they look at lives in
// flux-system, so they watch that namespace only.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

local component = 'flux';
local labels(workload) = k.labelsOf(component, workload);

// The images' own user.
local user = 65534;

// controller adapts a release's Deployment: our labels (its own are one word, "app"), our size, restricted to the
// letter, and arguments added to its own.
local controller(name, size, arguments, volumes, flows) =
  local upstream = std.native('source')(name, 'config/manager/deployment.yaml')[0];
  local manager = upstream.spec.template.spec.containers[0];
  upstream + net.flows(flows) + {
    metadata+: { labels: labels(name) },
    spec+: {
      replicas: size.replicas,
      revisionHistoryLimit: 3,
      selector: { matchLabels: labels(name) },
      template+: {
        metadata+: { labels: labels(name) },
        spec+: {
          serviceAccountName: name,
          automountServiceAccountToken: true,
          enableServiceLinks: false,
          priorityClassName: 'system-cluster-critical',
          securityContext+: {
            runAsNonRoot: true,
            runAsUser: user,
            runAsGroup: user,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [manager {
            image: name,
            args: [
              argument
              for argument in manager.args
              if !std.startsWith(argument, '--watch-all-namespaces')
            ] + ['--watch-all-namespaces=false'] + arguments,
            // HOME is the read-only root otherwise, and git and gpg want to write there.
            env+: [k.env('HOME', '/tmp'), k.goMemoryLimit(size)],
            resources: k.resources(size),
          }],
          volumes: volumes,
        },
      },
    },
  };

// Memory grows with the number of builds at a time (kustomize-controller, issue 801): one for each 128 MiB, between the
// controller's default of 4 and 10, beyond which the API server is what limits.
local concurrency(size) = std.max(4, std.min(10, std.floor(size.memoryBytes / (128 * 1024 * 1024))));

// The port that the Git repository is fetched from. cluster.yaml allows https:// and ssh:// only, test beds use http://.
local gitPort(url) =
  local parts = std.splitLimit(url, '://', 1);
  local authority = std.split(parts[1], '/')[0];
  local host = std.reverse(std.split(authority, '@'))[0];
  local port = std.split(host, ':');
  if std.length(port) > 1 then std.parseInt(port[1])
  else { https: 443, ssh: 22, http: 80 }[parts[0]];

local sourceController(cluster) =
  local name = 'source-controller';
  local port = gitPort(cluster.source.url);
  // The role of the release, cut down: no tokens of service accounts (it would let the controller become any of them),
  // and Secrets by name only.
  local rules = [
    rule
    for rule in std.native('source')(name, 'config/rbac/role.yaml')[0].rules
    if std.member(rule.apiGroups, 'source.toolkit.fluxcd.io')
  ] + [
    k.rule(['coordination.k8s.io'], ['leases'], ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']),
    k.rule([''], ['events'], ['create', 'patch']),
    k.rule([''], ['secrets'], ['get']),
  ];
  [
    k.serviceAccount(name),
    k.role(name, rules),
    k.roleBinding(name, name, name, 'flux-system'),
    controller(
      name,
      cluster.sizing.flux[name],
      [],
      // Artifacts are fetched again after a restart; nothing here must survive.
      [k.emptyDir('data', '1Gi'), k.emptyDir('tmp', '2Gi')],
      ['dns', 'apiserver', 'internet:%d' % port],
    ),
    k.service(name, labels(name), [k.servicePort('http', 80)]),
    net.allow(
      name,
      labels(name),
      ingress=[net.from([net.same(labels('kustomize-controller'))], [9090]), net.monitoring(8080)],
      egress=[net.dns, net.apiServer, net.to([net.outside], [port])],
    ),
  ];

local kustomizeController(cluster) =
  local name = 'kustomize-controller';
  local size = cluster.sizing.flux[name];
  [
    k.serviceAccount(name),
    // It makes everything that this repository renders, roles included. What a Kustomization may do is decided by the
    // account that it names; without one it is `default`, which may do nothing.
    k.clusterRoleBinding('flux-' + name, 'cluster-admin', name, 'flux-system'),
    controller(
      name,
      size,
      [
        '--no-cross-namespace-refs=true',
        '--no-remote-bases=true',
        '--default-service-account=default',
        '--requeue-dependency=5s',
        '--concurrent=%d' % concurrency(size),
        // CancelHealthCheckOnNewRevision: a fix is applied at once, not when the broken release has timed out.
        // DisableStatusPollerCache (the default, written for the reader) saves memory on clusters with many objects.
        '--feature-gates=CancelHealthCheckOnNewRevision=true,DisableStatusPollerCache=true',
      ],
      // Each unit is applied from a copy of the whole artifact, one file for each object of the cluster: with hundreds of
      // tenants that is most of what the controller does, and files in memory are ten times cheaper to make. A tenant has
      // about 20, so that copies are part of what its memory grows by (fluxNeeds).
      [{ name: 'temp', emptyDir: { medium: 'Memory', sizeLimit: size.memory } }],
      ['apiserver', 'dns', 'flux-system/source-controller:80'],
    ),
    net.allow(
      name,
      labels(name),
      ingress=[net.monitoring(8080)],
      egress=[net.dns, net.apiServer, net.to([net.same(labels('source-controller'))], [9090])],
    ),
  ];

// What a tenant's Kustomization may touch, in its own namespace: exactly the kinds that the tenant.jsonnet of all bases
// make. Secrets and roles are not among them, so that a change of a tenant's folder can neither read a token nor gain
// a right. Pods and replica sets are read to tell whether a Deployment is ready.
local everything = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];
local tenantRole = k.clusterRole('opsgen-tenant', [
  k.rule([''], ['configmaps', 'persistentvolumeclaims', 'serviceaccounts', 'services'], everything),
  k.rule(['apps'], ['deployments', 'statefulsets'], everything),
  k.rule(['networking.k8s.io'], ['networkpolicies'], everything),
  k.rule(['policy'], ['poddisruptionbudgets'], everything),
  k.rule([''], ['pods'], ['get', 'list', 'watch']),
  k.rule(['apps'], ['replicasets'], ['get', 'list', 'watch']),
]);

function(cluster, bundle) [
  sourceController(cluster),
  kustomizeController(cluster),
  tenantRole,
]
