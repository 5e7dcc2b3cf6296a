// Who talks to whom. Every namespace denies all traffic by default; a workload's flows open exactly what it needs.
// opsgen checks every declared flow against all network policies, patches included.
//
// A flow is written as the Service it goes to: "namespace/service:port" with the Service's port number or name.
// Special flows: "dns", "apiserver", and "internet:PORT" (any address outside the cluster).
local k = import 'k.libsonnet';

{
  local net = self,

  // defaultDeny denies everything in a namespace until another policy allows it.
  defaultDeny: k.object('networking.k8s.io/v1', 'NetworkPolicy', 'default-deny', {
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  }),

  // flows declares what a workload talks to; add it to the Deployment or StatefulSet.
  flows(flows): k.annotations({ 'opsgen.dev/flows': std.join(' ', flows) }),

  // peer is a set of pods in a namespace: all of it, or those with labels.
  peer(namespace, labels={}): {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    [if labels != {} then 'podSelector']: { matchLabels: labels },
  },
  // tenants are all namespaces of tenants.
  tenants(labels={}): {
    namespaceSelector: { matchExpressions: [{ key: 'opsgen.dev/tenant', operator: 'Exists' }] },
    [if labels != {} then 'podSelector']: { matchLabels: labels },
  },
  // same are the pods of the policy's own namespace.
  same(labels={}): { podSelector: if labels == {} then {} else { matchLabels: labels } },
  // collector are the pods that read the platform's own metrics, into the tenant `system`.
  collector: net.peer('collector', k.labelsOf('collector', 'collector')),
  monitoring(port): net.from([net.collector], [port]),
  // anywhere is every address, inside and outside.
  anywhere: { ipBlock: { cidr: '0.0.0.0/0' } },
  // outside is every address that is not link-local: cloud metadata services stay out of reach.
  outside: { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] } },

  // public is every address that is nobody's private one: what a tenant may have asked from within the cluster, such as
  // the targets of probes. The list is that of generator/exporter.
  public: {
    ipBlock: {
      cidr: '0.0.0.0/0',
      except: [
        '0.0.0.0/8',
        '10.0.0.0/8',
        '100.64.0.0/10',
        '127.0.0.0/8',
        '169.254.0.0/16',
        '172.16.0.0/12',
        '192.0.0.0/24',
        '192.0.2.0/24',
        '192.168.0.0/16',
        '198.18.0.0/15',
        '198.51.100.0/24',
        '203.0.113.0/24',
        '224.0.0.0/4',
        '240.0.0.0/4',
      ],
    },
  },

  from(peers, ports): { from: peers, ports: net.ports(ports) },
  to(peers, ports): { to: peers, ports: net.ports(ports) },
  // ports are container ports: numbers, or "53/UDP".
  ports(ports): [
    if std.isNumber(port) then { port: port, protocol: 'TCP' }
    else { port: std.parseInt(std.split(port, '/')[0]), protocol: std.split(port, '/')[1] }
    for port in ports
  ],

  // The flows that many workloads share.
  // Where nodes have a cache of their own (NodeLocal DNSCache), questions go there: to its pods where the network looks at
  // who answers in the end (Cilium, and so GKE's Dataplane V2, where the cache is on by default since 1.34), or to its
  // address, which is link-local and the same everywhere.
  dns: net.to([
    net.peer('kube-system', { 'k8s-app': 'kube-dns' }),
    net.peer('kube-system', { 'k8s-app': 'node-local-dns' }),
    { ipBlock: { cidr: '169.254.20.10/32' } },
  ], ['53/UDP', 53]),
  // The API server has no pods to select: its port is all that can be said in a portable way.
  apiServer: net.to([net.anywhere], [443, 6443]),
  https: net.to([net.outside], [443]),
  // EKS Pod Identity and Google's metadata server answer on link-local addresses.
  cloudIdentity(provider):
    if provider == 'aws' then [net.to([{ ipBlock: { cidr: '169.254.170.23/32' } }], [80])]
    else if provider == 'gcp' then [net.to([{ ipBlock: { cidr: '169.254.169.252/32' } }, { ipBlock: { cidr: '169.254.169.254/32' } }], [80, 988])]
    else [],

  // allow opens flows for the pods that selector matches.
  allow(name, selector, ingress=[], egress=[]): k.object('networking.k8s.io/v1', 'NetworkPolicy', name, {
    spec: {
      podSelector: { matchLabels: selector },
      policyTypes: ['Ingress', 'Egress'],
      ingress: ingress,
      egress: egress,
    },
  }),
}
