// One S3 server (Versity S3 Gateway) over one volume. Everything is lost with the volume, nothing is replicated, and a
// write is done when the kernel has it: good for trying things out and for tests, not for data that anyone would miss.
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

local name = 'object-store';
local port = 7070;
local labels = k.labelsOf(name, name);

local args(store) = [
  '--port=:%d' % port,
  '--region=' + store.region,
  // Off unless a path is given. No bucket can be called "-".
  '--health=/-/ready',
  '--quiet',
  'posix',
  // Content types, checksums and the parts of uploads are kept in small files of their own. Extended attributes would be
  // neater, but NFS, 9p and older tmpfs volumes have none, and without either (--nometa) uploads in parts fail. What it
  // costs: version 1.8.0 leaves a dozen small files behind for each upload in parts.
  '--sidecar=/sidecar',
  // The lock files would be made beside the buckets, where nothing may be written. They are for several servers on one
  // volume; this one is alone.
  '--disable-object-lock-file',
  '/data',
];

// A bucket is a folder below /data. Each is a folder of the volume that the kubelet makes when it mounts it, so that
// nobody has to create buckets; since /data itself is read-only, nobody can make others.
local mounts(storage) = [
  k.mount('data', '/data/' + bucket, { subPath: 'buckets/' + bucket })
  for bucket in std.set([storage.metrics, storage.logs, storage.rules])
] + [k.mount('data', '/sidecar', { subPath: 'sidecar' })];

local container(cluster, size) = k.container(name, name, size, {
  args: args(cluster.objectStorage),
  env: [
    // The syncer makes the Secret; until then the pod waits.
    k.secretEnv('ROOT_ACCESS_KEY_ID', cluster.objectStorage.secret, 'access-key'),
    k.secretEnv('ROOT_SECRET_ACCESS_KEY', cluster.objectStorage.secret, 'secret-key'),
    k.goMemoryLimit(size),
  ],
  ports: [k.port('s3', port)],
  volumeMounts: mounts(cluster.provider.storage),
  startupProbe: k.httpProbe('/-/ready', 's3', { periodSeconds: 2, failureThreshold: 60 }),
  readinessProbe: k.httpProbe('/-/ready', 's3', { periodSeconds: 5 }),
});

function(cluster, bundle)
  local size = cluster.sizing['object-store'][name];
  [
    k.serviceAccount(name),
    k.statefulSet(
      name,
      labels,
      1,
      k.pod(name, [container(cluster, size)], { terminationGracePeriodSeconds: 30 }),
      claims=[k.claim('data', size.storage)],
    ) + net.flows([]),
    k.service(name, labels, [k.servicePort('s3', port)]),
    net.allow(name, labels, ingress=[net.from([net.peer('cortex'), net.peer('loki')], [port])]),
  ]
