// The little that the scripts' bases need.
{
  local k = self,

  object(apiVersion, kind, name, body={}): { apiVersion: apiVersion, kind: kind, metadata: { name: name } } + body,
  inNamespace(namespace): { metadata+: { namespace: namespace } },
  configMap(name, data): k.object('v1', 'ConfigMap', name, { data: data }),
  // namespace is closed to all traffic.
  namespace(name, labels={}): [
    k.object('v1', 'Namespace', name) + { metadata+: { labels: labels } },
    k.object('networking.k8s.io/v1', 'NetworkPolicy', 'default-deny', {
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    }) + k.inNamespace(name),
  ],
}
