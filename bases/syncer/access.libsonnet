// What the syncer may do, and no more.
//
// The threat: somebody who controls the syncer. In tenants' namespaces it can read Secrets by name, since tenants name
// those that their Alertmanager needs; it cannot list them, and change or delete none. Elsewhere it can read none but
// those that it makes. But RBAC cannot limit `create` by name or type. Whoever may create any Secret in a namespace and
// read it can ask for the token of every service account there, by creating a Secret with the type
// kubernetes.io/service-account-token, and so become the account that Flux impersonates for a tenant. The admission
// policy closes this: the syncer can create nothing but opaque Secrets of the names that it is configured with.
local k = import '../lib/k.libsonnet';
local secrets = import 'secrets.libsonnet';

// What became of rules, configurations and secrets is told as events of these objects.
local tell = k.rule(['events.k8s.io'], ['events'], ['create', 'patch']);

local create(names) = if names == [] then [] else [k.rule([''], ['secrets'], ['create'])];
local make(names) = create(names) + [
  k.rule([''], ['secrets'], ['get'], { resourceNames: names }),
];

{
  local access = self,

  // inTenant gives the rights in one tenant's namespace. It is applied with the namespace (bases/flux/shard.jsonnet), since
  // a tenant's own Kustomization may not give rights. It stays when the tenant goes: only who may look can see that its
  // rules are gone, and remove them from Cortex and Loki.
  inTenant(namespace):
    k.roleBinding('syncer', 'syncer-tenant', 'syncer', 'syncer', kind='ClusterRole') + k.inNamespace(namespace) + k.neverPruned,

  cluster(cluster): [
    // To find the tenants' namespaces. It says nothing about what is in them.
    k.clusterRole('syncer', [k.rule([''], ['namespaces'], ['get', 'list', 'watch'])]),
    k.clusterRoleBinding('syncer', 'syncer', 'syncer', 'syncer'),
    k.clusterRole('syncer-tenant', [
      k.rule([''], ['configmaps'], ['get', 'list', 'watch', 'create']),
      k.rule([''], ['configmaps'], ['update'], { resourceNames: ['opsgen-sync-status'] }),
      // Secrets by name, for receivers: no list and no watch, which would give all of them.
      k.rule([''], ['secrets'], ['get']),
      // They exist only where the Prometheus operator's definitions do.
      k.rule(['monitoring.coreos.com'], ['prometheusrules'], ['get', 'list', 'watch']),
      tell,
    ] + create(secrets.perTenant(cluster))),
  ],

  // own are the rights in the syncer's own namespace: which of its pods works, the list of tenants that something was
  // written for, and how far the erasures are.
  own: [
    k.role('syncer-own', [
      k.rule(['coordination.k8s.io'], ['leases'], ['create']),
      k.rule(['coordination.k8s.io'], ['leases'], ['get', 'update'], { resourceNames: ['syncer'] }),
      k.rule([''], ['configmaps'], ['create']),
      k.rule([''], ['configmaps'], ['get', 'patch'], { resourceNames: ['syncer-tenants', 'syncer-erasures'] }),
      // Who works is told in the older API (client-go, tools/leaderelection).
      k.rule([''], ['events'], ['create', 'patch']),
    ]),
    k.roleBinding('syncer-own', 'syncer-own', 'syncer', 'syncer'),
  ],

  fixed(cluster): [
    [
      k.role('syncer', make(place.names) + [tell]) + k.inNamespace(place.namespace),
      k.roleBinding('syncer', 'syncer', 'syncer', 'syncer') + k.inNamespace(place.namespace),
    ]
    for place in secrets.fixed(cluster)
  ],

  // admission refuses every other Secret and ConfigMap that the syncer would write.
  admission(cluster):
    local names = std.set(
      secrets.perTenant(cluster) + std.flattenArrays([place.names for place in secrets.fixed(cluster)])
    );
    access.policy('syncer-secrets', 'secrets', [
      {
        expression: "request.operation == 'CREATE'",
        message: 'the syncer never changes a Secret',
      },
      {
        expression: "has(object.type) && object.type == 'Opaque'",
        message: 'the syncer creates opaque Secrets only',
      },
      {
        expression: 'has(object.metadata.name) && object.metadata.name in %s' % std.manifestJsonMinified(names),
        message: 'the syncer creates only the Secrets that it is configured with: ' + std.join(', ', names),
      },
    ])
    // The threat: a ConfigMap that another program takes for its own, such as a tenant's dashboards or rules.
    + access.policy('syncer-configmaps', 'configmaps', [
      {
        expression: "has(object.metadata.name) && object.metadata.name in ['opsgen-sync-status', 'syncer-tenants', 'syncer-erasures']",
        message: 'the syncer writes only its status, its list of tenants and its erasures',
      },
    ]),

  policy(name, resource, validations): [
    k.object('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy', name, {
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: [resource] }],
        },
        matchConditions: [{
          name: 'by-the-syncer',
          expression: "request.userInfo.username == 'system:serviceaccount:syncer:syncer'",
        }],
        validations: validations,
      },
    }),
    k.object('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding', name, {
      spec: { policyName: name, validationActions: ['Deny'] },
    }),
  ],
}
