// The scraper takes the exporters' answers into the tenant's metrics. As its service account it may write metrics, and
// nothing else (bases/proxy/tenants.jsonnet).
local agent = import '../lib/agent.libsonnet';
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';
local proxy = import '../proxy/proxy.libsonnet';
local exporter = import 'exporter.libsonnet';

local labels = exporter.scraperLabels;
local size = { cpu: '20m', memory: '192Mi' };

function(cluster, namespace, sampleLimit, exporters)
  local jobs = std.flattenArrays([e.jobs for e in exporters]) + [agent.itself('scraper')];
  local config = k.configMap('scraper', {
    'prometheus.yaml': std.manifestYamlDoc(agent.config({ cluster: cluster.name }, sampleLimit, jobs), quote_keys=false),
  });
  [
    k.serviceAccount('scraper'),
    config,
    // One, or samples would come twice. What a restart misses is one scrape.
    k.deployment('scraper', labels, 1, k.pod('scraper', [agent.container('scraper', size)], {
      volumes: agent.volumes('scraper', '256Mi'),
    }, user=agent.user), { strategy: { type: 'Recreate' } })
    + k.configHash(config)
    + net.flows(['dns', proxy.flow] + [e.flow for e in exporters]),
    net.allow(
      'scraper',
      labels,
      egress=[net.dns, proxy.egress] + [net.to([net.same(e.labels)], [e.port]) for e in exporters],
    ),
  ]
