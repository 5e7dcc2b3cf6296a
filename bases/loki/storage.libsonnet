// The object storage: how Loki is told of it, and how pods may reach it. There are no keys in any file: on clouds, pods
// have an identity, and elsewhere the keys are in a Secret.
//
// Loki 3.7 has two clients. The one used here (use_thanos_objstore) is the default from Loki 4 on, and the same that
// Cortex uses, so that a store that works for one works for both (L2).
local k = import '../lib/k.libsonnet';
local net = import '../lib/net.libsonnet';

{
  local storage = self,

  // store is the kind of store, by the name that schema and compactor call it.
  store(cluster): cluster.objectStorage.kind,

  // bucket is the client's configuration of one bucket.
  bucket(cluster, name):
    local store = cluster.objectStorage;
    if store.kind == 'gcs' then { gcs: { bucket_name: name } } else {
      s3: {
        bucket_name: name,
        endpoint: if store.endpoint != '' then store.endpoint else 's3.%s.%s' % [store.region, suffix(store.region)],
        region: if store.region != '' then store.region else 'us-east-1',
        insecure: store.insecure,
        bucket_lookup_type: if store.pathStyle then 'path' else 'auto',
        // Endpoints for the network's own way to S3 need not know the names of dual-stack.
        dualstack_enabled: false,
        // L2: stores that are not Amazon's know MD5 sums, but not always the newer checksums.
        send_content_md5: store.endpoint != '',
        // Keys come as the environment variables that the AWS library reads; so does a cloud identity.
      },
    },
  local suffix(region) = if std.startsWith(region, 'cn-') then 'amazonaws.com.cn' else 'amazonaws.com',

  // env are the keys of a store that no identity opens.
  env(cluster): if cluster.objectStorage.secret == '' then [] else [
    k.secretEnv('AWS_ACCESS_KEY_ID', cluster.objectStorage.secret, 'access-key'),
    k.secretEnv('AWS_SECRET_ACCESS_KEY', cluster.objectStorage.secret, 'secret-key'),
  ],

  local port(cluster) =
    local parts = std.split(cluster.objectStorage.endpoint, ':');
    if std.length(parts) > 1 then std.parseInt(parts[std.length(parts) - 1])
    else if cluster.objectStorage.insecure then 80
    else 443,

  flows(cluster): if cluster.bundledStorage
  then ['object-store/object-store:7070']
  else ['internet:%d' % port(cluster)],

  egress(cluster): if cluster.bundledStorage
  then [net.to([net.peer('object-store', k.labelsOf('object-store', 'object-store'))], [7070])]
  else [net.to([net.outside], [port(cluster)])] + net.cloudIdentity(cluster.provider.name),
}
