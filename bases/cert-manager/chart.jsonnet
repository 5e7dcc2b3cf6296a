// Values of cert-manager's chart. Its definitions are in crds.jsonnet, its network policies in main.jsonnet.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

// unprobed waives the readiness probe of the Deployments that serve nothing: the chart offers none for them.
local unprobed = { 'opsgen.dev/waive': 'readiness-probe: it serves no requests, and its chart has no probe for it' };

// workload are the values that all three Deployments have in common.
local workload(size, name, flows, annotations={}) = {
  replicaCount: size.replicas,
  resources: k.resources(size),
  extraEnv: [k.goMemoryLimit(size)],
  deploymentAnnotations: net.flows(flows).metadata.annotations + annotations,
  podDisruptionBudget: { enabled: size.replicas > 1, maxUnavailable: 1 },
  topologySpreadConstraints:
    k.byRevision(k.spread({ 'app.kubernetes.io/name': name, 'app.kubernetes.io/component': name })).topologySpreadConstraints,
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  },
  containerSecurityContext: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
};

function(cluster, bundle)
  local sizing = cluster.sizing['cert-manager'];
  local acme = std.startsWith(cluster.certificates.issuer, 'acme');

  workload(sizing.controller, 'controller', ['dns', 'apiserver'] + if acme then ['internet:53', 'internet:443'] else [], unprobed) + {
    global: {
      // Its leases beside it, where its policies and roles are, and not in kube-system.
      leaderElection: { namespace: 'cert-manager' },
      priorityClassName: 'system-cluster-critical',
      revisionHistoryLimit: 3,
    },
    crds: { enabled: false },
    topologySpreadConstraints: k.byRevision(k.spread({
      'app.kubernetes.io/name': 'cert-manager',
      'app.kubernetes.io/component': 'controller',
    })).topologySpreadConstraints,
    serviceAccount: { annotations: k.identity(cluster, 'cert-manager') },
    // Inside a VPC the zone's own name servers may answer with a private twin of the zone, or not be reachable at all;
    // so a challenge is looked up through public resolvers and nothing else.
    dns01RecursiveNameservers: if acme then '1.1.1.1:53,8.8.8.8:53' else '',
    dns01RecursiveNameserversOnly: acme,
    // One certificate is public. More challenges at a time would only reach the authority's rate limit sooner.
    maxConcurrentChallenges: 5,
    // Metrics stay on, for expiry alerts; no ServiceMonitor, since its definition is not installed.
    prometheus: { enabled: true, servicemonitor: { enabled: false }, podmonitor: { enabled: false } },

    webhook: workload(sizing.webhook, 'webhook', ['apiserver']) + {
      // The one port that private GKE clusters let their control plane reach on nodes.
      securePort: 10250,
      timeoutSeconds: 10,
    },

    cainjector: workload(sizing.cainjector, 'cainjector', ['apiserver'], unprobed) + {
      // It serves cert-manager's own webhook only. Otherwise it caches all definitions and Secrets of the cluster, and
      // when that no longer fits into its memory, the webhook's authority goes missing.
      extraArgs: [
        '--namespace=cert-manager',
        '--enable-certificates-data-source=false',
        '--enable-customresourcedefinitions-injectable=false',
        '--enable-apiservices-injectable=false',
      ],
    },

    // A Job that waits for the webhook; the health checks in component.yaml do the same without a Job.
    startupapicheck: { enabled: false },
  }
