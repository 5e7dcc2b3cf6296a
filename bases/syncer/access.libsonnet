// What the syncer may do, and no more.
//
// The threat: somebody who controls the syncer. It can read no Secret but those that it makes, and change or delete none.
// But RBAC cannot limit `create` by name or type. Whoever may create any Secret in a namespace and read one of a known
// name can ask for the token of every service account there, by creating a Secret of that name with the type
// kubernetes.io/service-account-token, and so become the account that Flux impersonates for a tenant. The admission
// policy closes this: the syncer can create nothing but opaque Secrets of the names that it is configured with.
local k = import '../lib/k.libsonnet';
local secrets = import 'secrets.libsonnet';

// What became of rules, configurations and secrets is told as events of these objects.
local tell = k.rule(['events.k8s.io'], ['events'], ['create', 'patch']);

local make(names) = [
  k.rule([''], ['secrets'], ['create']),
  k.rule([''], ['secrets'], ['get'], { resourceNames: names }),
];

{
  local access = self,

  // inTenant gives the rights in one tenant's namespace. It is applied with the namespace (bases/flux/shard.jsonnet), since
  // a tenant's own Kustomization may not give rights.
  inTenant(namespace):
    k.roleBinding('syncer', 'syncer-tenant', 'syncer', 'syncer', kind='ClusterRole') + k.inNamespace(namespace),

  cluster(cluster): [
    // To find the tenants' namespaces. It says nothing about what is in them.
    k.clusterRole('syncer', [k.rule([''], ['namespaces'], ['get', 'list', 'watch'])]),
    k.clusterRoleBinding('syncer', 'syncer', 'syncer', 'syncer'),
    k.clusterRole('syncer-tenant', [
      k.rule([''], ['configmaps'], ['get', 'list', 'watch']),
      tell,
    ] + make(secrets.perTenant(cluster))),
  ],

  fixed(cluster): [
    [
      k.role('syncer', make(place.names) + [tell]) + k.inNamespace(place.namespace),
      k.roleBinding('syncer', 'syncer', 'syncer', 'syncer') + k.inNamespace(place.namespace),
    ]
    for place in secrets.fixed(cluster)
  ],

  // admission refuses every other Secret that the syncer would create.
  admission(cluster):
    local names = std.set(
      secrets.perTenant(cluster) + std.flattenArrays([place.names for place in secrets.fixed(cluster)])
    );
    [
      k.object('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicy', 'syncer-secrets', {
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: {
            resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['secrets'] }],
          },
          matchConditions: [{
            name: 'by-the-syncer',
            expression: "request.userInfo.username == 'system:serviceaccount:syncer:syncer'",
          }],
          validations: [
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
          ],
        },
      }),
      k.object('admissionregistration.k8s.io/v1', 'ValidatingAdmissionPolicyBinding', 'syncer-secrets', {
        spec: { policyName: 'syncer-secrets', validationActions: ['Deny'] },
      }),
    ],
}
