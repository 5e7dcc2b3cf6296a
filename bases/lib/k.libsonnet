// The shared library of all bases: one function for each kind of Kubernetes object that we write, with secure
// defaults. Names of images are those of versions.yaml; opsgen resolves them, and adds the component's namespace and
// the standard labels (name, part-of, managed-by).
{
  local k = self,

  // object is any object; the functions below are shorthands.
  object(apiVersion, kind, name, body={}): {
    apiVersion: apiVersion,
    kind: kind,
    metadata: { name: name },
  } + body,

  // inNamespace puts an object into a namespace other than its component's.
  inNamespace(namespace): { metadata+: { namespace: namespace } },
  labels(labels): { metadata+: { labels+: labels } },
  annotations(annotations): { metadata+: { annotations+: annotations } },

  // neverPruned keeps an object in the cluster when it leaves Git.
  neverPruned: k.annotations({ 'kustomize.toolkit.fluxcd.io/prune': 'disabled' }),
  // identity is the annotation that makes a service account a cloud identity: an IAM role on aws (without one, EKS Pod
  // Identity needs no annotation), a service account on gcp. It is empty where cluster.yaml names no identity.
  identity(cluster, component):
    local identities = std.get(cluster.provider, 'identities', {});
    local id = std.get(identities, component, '');
    local key = std.get({ aws: 'eks.amazonaws.com/role-arn', gcp: 'iam.gke.io/gcp-service-account' }, cluster.provider.name, '');
    if id == '' || key == '' then {} else { [key]: id },

  // labelsOf are the labels by which a component's workload is selected.
  labelsOf(component, workload): {
    'app.kubernetes.io/name': component,
    'app.kubernetes.io/component': workload,
  },

  namespace(name): k.object('v1', 'Namespace', name),
  configMap(name, data): k.object('v1', 'ConfigMap', name, { data: data }),
  serviceAccount(name): k.object('v1', 'ServiceAccount', name, { automountServiceAccountToken: false }),

  // service selects pods by labels; ports are made by servicePort.
  service(name, selector, ports, spec={}): k.object('v1', 'Service', name, {
    spec: { selector: selector, ports: ports } + spec,
  }),
  // headless is for clients that must see every pod: gossip, gRPC, caches.
  headless(name, selector, ports, spec={}):
    k.service(name, selector, ports, { clusterIP: 'None', publishNotReadyAddresses: true } + spec),
  // direct is a workload's Service for the proxy, which looks up the pods that are ready, deals requests out to them, and
  // sets aside one that fails: behind one address it would not know them.
  direct(workload, selector, ports):
    k.headless(k.directName(workload), selector, ports, { publishNotReadyAddresses: false }),
  directName(workload): workload + '-pods',
  servicePort(name, port, targetPort=name): { name: name, port: port, targetPort: targetPort },

  // container runs without privileges on a read-only root. resources is a size of sizing ({cpu, memory}).
  container(name, image, size, body={}): {
    name: name,
    image: image,
    resources: k.resources(size),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  } + body,
  // resources request CPU without limiting it (throttling hurts more than it helps) and cap memory at the request.
  resources(size): {
    requests: { cpu: size.cpu, memory: size.memory },
    limits: { memory: size.memory },
  },
  port(name, containerPort, protocol='TCP'): { name: name, containerPort: containerPort, protocol: protocol },
  env(name, value): { name: name, value: value },
  fieldEnv(name, path): { name: name, valueFrom: { fieldRef: { fieldPath: path } } },
  secretEnv(name, secret, key): { name: name, valueFrom: { secretKeyRef: { name: secret, key: key } } },
  // goMemoryLimit keeps a Go program's heap below its container's limit (nine tenths of it).
  goMemoryLimit(size): k.env('GOMEMLIMIT', std.toString(std.floor(size.memoryBytes * 0.9))),
  // secondsOf is the number of seconds of a duration that opsgen wrote ("30s", "5m").
  secondsOf(duration):
    local end = std.length(duration) - 1;
    std.parseInt(duration[:end]) * { s: 1, m: 60, h: 3600, d: 86400 }[duration[end:]],
  httpProbe(path, port, body={}): { httpGet: { path: path, port: port } } + body,
  tcpProbe(port, body={}): { tcpSocket: { port: port } } + body,

  mount(name, path, body={}): { name: name, mountPath: path } + body,
  configVolume(name, configMap): { name: name, configMap: { name: configMap } },
  secretVolume(name, secret): { name: name, secret: { secretName: secret } },
  emptyDir(name, size): { name: name, emptyDir: { sizeLimit: size } },
  // tokenVolume is a fresh service-account token for one audience, the only credential that pods of ours hold.
  tokenVolume(name, audience): {
    name: name,
    projected: { sources: [{ serviceAccountToken: { audience: audience, expirationSeconds: 3600, path: 'token' } }] },
  },

  // pod satisfies Pod Security "restricted". user is the numeric user and group that the image runs as.
  pod(serviceAccount, containers, body={}, user=65532): {
    serviceAccountName: serviceAccount,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: containers,
  } + body,

  // spread puts pods of the same selector into different zones and onto different nodes where there are any.
  spread(selector): {
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: key,
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: selector },
      }
      for key in ['topology.kubernetes.io/zone', 'kubernetes.io/hostname']
    ],
  },
  // inZone pins pods to one availability zone; with an empty name they run anywhere.
  inZone(name): if name == '' then {} else {
    nodeSelector: { 'topology.kubernetes.io/zone': name },
  },
  // byRevision lets only pods of the same revision of a Deployment count where they are spread: new ones that avoid the nodes
  // of the old ones would end up on one node together, and stay there. In a StatefulSet a pod ends before its next one begins.
  byRevision(pod): if !std.objectHas(pod, 'topologySpreadConstraints') then pod else pod {
    topologySpreadConstraints: [constraint { matchLabelKeys: ['pod-template-hash'] } for constraint in super.topologySpreadConstraints],
  },

  deployment(name, labels, replicas, pod, spec={}): k.object('apps/v1', 'Deployment', name, {
    metadata+: { labels: labels },
    spec: {
      replicas: replicas,
      revisionHistoryLimit: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels: labels }, spec: k.byRevision(pod) },
    } + spec,
  }),
  // statefulSet starts its pods in parallel: an ordered set that was rolled to a crashing revision stays on it after
  // Git is fixed (kubernetes/kubernetes#67250). The annotation lets overlays find the sets that have volumes.
  statefulSet(name, labels, replicas, pod, claims=[], spec={}): k.object('apps/v1', 'StatefulSet', name, {
    metadata+: { labels: labels } + if claims == [] then {} else { annotations+: { 'opsgen.dev/volumes': 'true' } },
    spec: {
      replicas: replicas,
      revisionHistoryLimit: 3,
      serviceName: name,
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: labels },
      template: { metadata: { labels: labels }, spec: pod },
      volumeClaimTemplates: claims,
    } + spec,
  }),
  claim(name, size): {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } } },
  },
  // withTemplate changes the pod template's metadata of a Deployment or StatefulSet.
  templateAnnotations(annotations): { spec+: { template+: { metadata+: { annotations+: annotations } } } },

  // stays keeps the cluster autoscaler from moving pods only to save a node: those whose end and start are long work.
  stays: k.templateAnnotations({ 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' }),

  // autoscaler lets the API server decide on a Deployment's number of pods, where cluster.yaml says how many there may be.
  // Flux then leaves that number alone (bases/flux/sync.jsonnet). Pods that take over queries and connections need a
  // while, so that a number that goes down does so slowly, which is the API server's default (5 minutes).
  autoscaler(name, size): if std.get(size, 'maxReplicas', 0) == 0 then null else
    k.object('autoscaling/v2', 'HorizontalPodAutoscaler', name, {
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: name },
        minReplicas: size.replicas,
        maxReplicas: size.maxReplicas,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } } }],
      },
    }),

  disruptionBudget(name, selector, maxUnavailable=1): k.object('policy/v1', 'PodDisruptionBudget', name, {
    spec: { maxUnavailable: maxUnavailable, selector: { matchLabels: selector }, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
  }),

  role(name, rules): k.object('rbac.authorization.k8s.io/v1', 'Role', name, { rules: rules }),
  clusterRole(name, rules): k.object('rbac.authorization.k8s.io/v1', 'ClusterRole', name, { rules: rules }),
  rule(apiGroups, resources, verbs, body={}): { apiGroups: apiGroups, resources: resources, verbs: verbs } + body,
  // roleBinding gives a Role (or, by kind, a ClusterRole) to a service account.
  roleBinding(name, role, serviceAccount, namespace, kind='Role'):
    k.object('rbac.authorization.k8s.io/v1', 'RoleBinding', name, k.binding(kind, role, serviceAccount, namespace)),
  clusterRoleBinding(name, role, serviceAccount, namespace):
    k.object('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', name, k.binding('ClusterRole', role, serviceAccount, namespace)),
  binding(kind, role, serviceAccount, namespace): {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: kind, name: role },
    subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace: namespace }],
  },

  // configHash makes pods restart when a configuration that they read only at start has changed.
  configHash(configMap): k.templateAnnotations({ 'opsgen.dev/config-hash': std.substr(std.sha256(std.manifestJsonMinified(configMap.data)), 0, 16) }),
}
