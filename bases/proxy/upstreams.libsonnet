// The components behind the proxy, by the workload that serves each kind of request.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

// The workloads of a component that the proxy calls, by the names of proxy.yaml.
local workloads = {
  cortex: {
    distributor: 'distributor',
    queryFrontend: 'query-frontend',
    ruler: 'ruler',
    alertmanager: 'alertmanager',
    // Asked by the syncer only, for tenants that were removed.
    purger: 'compactor',
  },
  loki: {
    distributor: 'distributor',
    queryFrontend: 'query-frontend',
    querier: 'querier',
    ruler: 'ruler',
    compactor: 'compactor',
  },
};

{
  local upstreams = self,

  port: 8080,

  // workload is the one that answers: a single binary does everything.
  workload(cluster, component, name):
    if cluster.options.topology == 'single-binary' then component else workloads[component][name],

  // A single binary has one Service, which is headless for its own needs.
  service(cluster, component, name):
    if cluster.options.topology == 'single-binary' then component else k.directName(workloads[component][name]),

  urls(cluster, component): {
    [name]: 'http://%s.%s.svc:%d' % [upstreams.service(cluster, component, name), component, upstreams.port]
    for name in std.objectFields(workloads[component])
  },

  // called are the component's workloads that the proxy calls, each once; none where the component is switched off.
  called(cluster, component):
    if !std.get(cluster.enabled, component, false) then []
    else std.set([upstreams.workload(cluster, component, name) for name in std.objectFields(workloads[component])]),

  flows(cluster): std.flattenArrays([
    ['%s/%s:%d' % [component, workload, upstreams.port] for workload in upstreams.called(cluster, component)]
    for component in std.objectFields(workloads)
  ]),

  egress(cluster): [
    net.to([
      net.peer(component, k.labelsOf(component, workload))
      for workload in upstreams.called(cluster, component)
    ], [upstreams.port])
    for component in std.objectFields(workloads)
    if upstreams.called(cluster, component) != []
  ],
}
