// What Flux follows: the repository, this folder itself, and one Kustomization for each unit.
local k = import '../lib/k.libsonnet';
local flux = import 'kustomization.libsonnet';

// Flux reads no days in durations.
local fluxDuration(text) =
  if std.endsWith(text, 'd') then std.toString(std.parseInt(std.rstripChars(text, 'd')) * 24) + 'h' else text;

local repository(cluster) =
  local source = cluster.source;
  local semver = std.get(source, 'semver', '');
  local secret = std.get(source, 'secret', '');
  local verifySecret = std.get(source, 'verifySecret', '');
  k.object('source.toolkit.fluxcd.io/v1', 'GitRepository', flux.repository, {
    spec: {
      url: source.url,
      interval: fluxDuration(source.interval),
      timeout: '2m',
      ref: if semver != '' then { semver: semver } else { branch: source.branch },
      // The artifact holds this cluster's rendered folder and nothing else, so that a change of another cluster or of a
      // document is a new revision but costs no traffic, and no cluster holds another one's manifests. The indexes are for
      // opsgen only.
      ignore: |||
        /*
        !/clusters/%s/rendered
        index.json
      ||| % cluster.name,
      [if secret != '' then 'secretRef']: { name: secret },
      // The newest matching tag is chosen before its signature is looked at: an unsigned one deploys nothing, and the
      // cluster stays as it is until the tag is deleted or a newer one is signed. A branch has no tag; its newest
      // commit must be signed.
      [if verifySecret != '' then 'verify']: {
        mode: if semver != '' then 'Tag' else 'HEAD',
        secretRef: { name: verifySecret },
      },
    },
  }) + k.inNamespace('flux-system') + k.neverPruned;

// The root applies itself. It does not wait: it would wait for itself, and each unit reports its own readiness. When it
// is deleted by hand, everything stays; `bootstrap up` brings it back.
local root(cluster) = flux.kustomization(
  'cluster',
  'clusters/%s/rendered/cluster' % cluster.name,
  'kustomize-controller',
  { wait: false, deletionPolicy: 'Orphan' },
) + k.neverPruned;

local given(entry) = { [key]: entry[key] for key in std.objectFields(entry) if entry[key] != '' };

local unit(unit) =
  local shard = std.get(unit, 'shard', false);
  local health = std.get(unit, 'health', []);
  flux.kustomization(unit.name, unit.path, 'kustomize-controller', flux.dependsOn(unit.dependsOn) + {
    // A shard holds the Kustomizations of tenants, and they wait for it (shard.jsonnet): it must not wait for them. So one
    // tenant's broken object holds up no other tenant, and not the next release either.
    wait: !shard,
    // A zone's pods restart one by one, and each hands over and reads its log again. A check that ends before would call
    // a rollout failed that is only slow; a new revision ends the wait (CancelHealthCheckOnNewRevision).
    [if std.get(unit, 'zone', '') != '' then 'timeout']: '30m',
    // Renaming or moving a unit must not delete the volumes and rings behind it, nor a definition with all its objects.
    // A tenant's namespace is never pruned, but its Kustomization is: that is how a tenant's workloads go.
    [if unit.stateful || unit.layer == 'crds' then 'deletionPolicy']: 'Orphan',
    // Where an autoscaler decides on the number of pods, Flux takes over what it finds, and writes the number in Git only
    // when it makes the Deployment.
    [if std.length(std.get(unit, 'scaled', [])) > 0 then 'ignore']: [
      { paths: ['/spec/replicas'], target: target }
      for target in unit.scaled
    ],
    [if std.length(health) > 0 && !shard then 'healthCheckExprs']: [given(entry) for entry in health],
  });

function(cluster, bundle, units) [
  repository(cluster),
  root(cluster),
  [unit(entry) for entry in units],
]
