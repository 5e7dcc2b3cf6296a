// What is scraped, and under which labels: docs/operations/platform-metrics.md names them, and alert rules go by that page.

local from(source, to) = { source_labels: [source], target_label: to };

// Where it stands.
local place = [
  from('__meta_kubernetes_namespace', 'namespace'),
  from('__meta_kubernetes_pod_name', 'pod'),
  from('__meta_kubernetes_pod_name', 'instance'),
  from('__meta_kubernetes_pod_node_name', 'node'),
  from('__meta_kubernetes_pod_label_opsgen_dev_zone', 'zone'),
];

// Who it is: the component, but for the one that has the name of its namespace, or no other.
local who(name) = [
  { target_label: 'component', replacement: name },
  { source_labels: ['__meta_kubernetes_pod_label_app_kubernetes_io_component'], regex: '(.+)', target_label: 'component' },
  { source_labels: ['component'], regex: '(.+)', target_label: 'job', replacement: name + '-$1' },
  { source_labels: ['component'], regex: name, target_label: 'job', replacement: name },
];

// Of the pods' own metrics these are left out: what libraries say of their inner life is half of all series, and no
// dashboard and no rule of this repository asks for it.
local idle = [
  {
    source_labels: ['__name__'],
    regex: 'go_(cgo|cpu|gc|godebug|memory|sched|sync)_.+'
           + '|go_memstats_(alloc_bytes_total|buck|frees|gc|last|lookups|mallocs|mcache|mspan|next|other|stack)_?.*'
           + '|(rest_client|workqueue|leader_election|apiserver|certwatcher|controller_runtime_webhook)_.+_bucket'
           + '|(cortex_)?thanos_objstore_bucket_.+_bucket'
           + '|memberlist_tcp_transport_.+|.+_memberlist_client_(kv_store|messages)_.+',
    action: 'drop',
  },
];

local discover(namespaces) = [{ role: 'pod', namespaces: { names: namespaces } }];

local pods(target) = {
  job_name: target.name,
  kubernetes_sd_configs: discover([target.namespace]),
  relabel_configs: [
    { source_labels: ['__meta_kubernetes_pod_container_port_name'], regex: target.port, action: 'keep' },
    { source_labels: ['__meta_kubernetes_pod_phase'], regex: 'Failed|Succeeded', action: 'drop' },
  ] + place + who(target.name),
  metric_relabel_configs: idle,
};

// A node is known by the platform's pods on it: so nothing needs the right to list nodes. Many pods give one target, since
// targets with the same labels are one.
//
// The threat: a kubelet's certificate is often signed by itself, so that whatever answers on a node's address gets the
// token. Who can answer there has the node; and the token shows the metrics of nodes and the pods of the platform, no more.
local nodes(targets, job, path, keep) = {
  job_name: job,
  scheme: 'https',
  metrics_path: path,
  authorization: { credentials_file: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
  tls_config: { insecure_skip_verify: true },
  kubernetes_sd_configs: discover([target.namespace for target in targets]),
  relabel_configs: [
    { source_labels: ['__meta_kubernetes_pod_host_ip'], regex: '(.+)', target_label: '__address__', replacement: '$1:10250' },
    { source_labels: ['__meta_kubernetes_pod_host_ip'], regex: '', action: 'drop' },
    from('__meta_kubernetes_pod_node_name', 'instance'),
    from('__meta_kubernetes_pod_node_name', 'node'),
  ],
  metric_relabel_configs: [
    { source_labels: ['__name__'], regex: std.join('|', keep), action: 'keep' },
    // The platform's, and the tenants' Grafanas and exporters. What else runs on the nodes is not ours to tell.
    {
      source_labels: ['namespace'],
      regex: std.join('|', std.set([target.namespace for target in targets] + ['object-store'])) + '|tenant-.+',
      action: 'keep',
    },
    { regex: 'id|name|image', action: 'labeldrop' },
  ],
};

function(targets) [pods(target) for target in targets] + [
  nodes(targets, 'kubelet', '/metrics', [
    'kubelet_volume_stats_(available_bytes|capacity_bytes|inodes|inodes_free)',
  ]),
  nodes(targets, 'cadvisor', '/metrics/cadvisor', [
    'container_cpu_usage_seconds_total',
    'container_memory_working_set_bytes',
    'container_spec_memory_limit_bytes',
    'container_oom_events_total',
    'container_start_time_seconds',
    'container_network_(receive|transmit)_bytes_total',
  ]),
]
