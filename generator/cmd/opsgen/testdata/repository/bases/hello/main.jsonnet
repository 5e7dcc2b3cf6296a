local k = import '../lib/k.libsonnet';

local labels = { 'app.kubernetes.io/name': 'hello' };

local container = {
  name: 'hello',
  image: 'hello',
  ports: [{ name: 'http', containerPort: 8080 }],
  readinessProbe: { httpGet: { path: '/ready', port: 'http' } },
  resources: { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '16Mi' } },
  securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
};

function(cluster, bundle) [
  k.object('v1', 'ServiceAccount', 'hello', { automountServiceAccountToken: false }),
  k.configMap('hello', { greeting: 'hello from ' + cluster.domain, version: bundle.version }),
  k.object('apps/v1', 'Deployment', 'hello', {
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels: labels },
        spec: {
          serviceAccountName: 'hello',
          automountServiceAccountToken: false,
          securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
          containers: [container { args: ['--domain', cluster.domain] }],
        },
      },
    },
  }),
]
