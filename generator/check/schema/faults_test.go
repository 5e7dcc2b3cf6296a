package schema_test

import (
	"strings"
	"testing"
)

func TestRefusesFieldsAndTypes(t *testing.T) {
	checkFaults(t, []fault{
		{"deployment", "image:", "imagee:", "spec.template.spec.containers[0].imagee: unknown field \"imagee\" in Container [Did you mean \"image\"?]\nspec.template.spec.containers[0].image: is missing"},
		{"deployment", "replicas: 2", "replicas: many", "spec.replicas: must be a whole number, but is the string \"many\""},
		{"deployment", "replicas: 2", "replicas: 5000000000", "spec.replicas: 5000000000 does not fit into 32 bits"},
		{"deployment", "note: x", "note: 1", "metadata.annotations.note: must be a string, but is the number 1 [Put it in quotes.]"},
		{"deployment", "cpu: 100m", "cpu: lots", "spec.template.spec.containers[0].resources.requests.cpu: \"lots\" is not a valid Quantity: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
		{"deployment", "volumes: [{name: config, configMap: {name: api}}]", "volumes: {a: b}", "spec.template.spec.volumes: must be a list, but is a mapping"},
		{"secret", "tls.crt: YQ==", "tls.crt: '%'", "data[tls.crt]: \"%\" is not a valid base64 text: illegal base64 data at input byte 0"},
	})
}

func TestRefusesMetadata(t *testing.T) {
	checkFaults(t, []fault{
		{"configmap", "name: api", "name: Api", "metadata.name: \"Api\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"},
		{"configmap", "name: api", "generateName: api-", "metadata.generateName: objects in Git need a name of their own: Flux cannot apply generated names [Write metadata.name.]"},
		{"configmap", "name: api, ", "", "metadata.name: is missing"},
		{"configmap", ", namespace: shop", "", "metadata.namespace: is missing; ConfigMap objects live in a namespace [Name the component's namespace.]"},
		{"configmap", "namespace: shop", "namespace: shop, resourceVersion: '1'", "metadata.resourceVersion: belongs to an object in a cluster: applying it fails as soon as the object changes [Leave it out.]"},
		{"namespace", "name: shop", "name: shop, namespace: shop", "metadata.namespace: Namespace objects live in no namespace [Leave it out.]"},
		{"statefulset", "name: store", "name: " + strings.Repeat("a", 53), "metadata.name: \"" + strings.Repeat("a", 53) + "\": must be no more than 52 characters"},
		{"role", "api:read", "api/read", "metadata.name: \"api/read\": may not contain '/'"},
		{"deployment", "labels: {app: api}, ann", "labels: {app: a b}, ann", "metadata.labels.app: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"},
		{"configmap", "x: 1", strings.Repeat("x", 1001<<10), ": the object has 1001 KiB; at most 1000 KiB can be stored [Split it, or make it smaller.]"},
		{"deployment", "note: x", "note: " + strings.Repeat("x", 256<<10), "metadata.annotations: Too long: may not be more than 262144 bytes"},
	})
}

func TestRefusesPods(t *testing.T) {
	const container = "spec.template.spec.containers[0]"
	checkFaults(t, []fault{
		{"deployment", "- name: api\n", "- name: a_b\n", container + ".name: \"a_b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"},
		{"deployment", "shop/api:1.0.0", `"a:1 "`, container + `.image: "a:1 " begins or ends with a space`},
		{"deployment", "containerPort: 8080}", "containerPort: 8080}, {name: http, containerPort: 8080}", container + ".ports[1].name: port \"http\" is there twice; server-side apply refuses that [Keep one of the two.]\n" + container + ".ports[1].containerPort: port \"8080/TCP\" is there twice; server-side apply refuses that [Keep one of the two.]"},
		{"deployment", "containerPort: 8080", "containerPort: 0", container + ".ports[0].containerPort: \"0\": must be between 1 and 65535, inclusive"},
		{"deployment", "port: http}", "port: web}", container + ".readinessProbe.httpGet.port: the container has no port \"web\" [Its ports are: http.]"},
		{"deployment", "httpGet: {path: /ready, port: http}, ", "", container + ".readinessProbe: the probe has 0 handlers [Write one of httpGet, tcpSocket, grpc, exec.]"},
		{"deployment", "periodSeconds: 5", "periodSeconds: -5", container + ".readinessProbe.periodSeconds: -5 is negative"},
		{"deployment", "readinessProbe: {", "livenessProbe: {successThreshold: 2, ", container + ".livenessProbe.successThreshold: must be 1, but is 2 [Leave it out.]"},
		{"deployment", "{name: config, mountPath", "{name: conf, mountPath", container + ".volumeMounts[0].name: the pod has no volume \"conf\" [Add a volume of that name, or correct the name.]"},
		{"deployment", "subPath: a", "subPath: ../a", container + ".volumeMounts[0].subPath: \"../a\" leaves the volume [Write a relative path without ‘..’.]"},
		{"deployment", "configMap: {name: api}}", "emptyDir: {}, configMap: {name: api}}", "spec.template.spec.volumes[0]: volume \"config\" has 2 sources [Keep one.]"},
		{"deployment", ", configMap: {name: api}}", "}", "spec.template.spec.volumes[0]: volume \"config\" has no source [Write configMap, secret, emptyDir or another source.]"},
		{"deployment", "configMap: {name: api}}", "projected: {sources: [{}]}}", "spec.template.spec.volumes[0].projected.sources[0]: the projected volume's entry has 0 sources [Write exactly one.]"},
		{"deployment", "valueFrom:", "value: x, valueFrom:", container + ".env[0]: environment variable \"NODE\" has both value and valueFrom [Keep one of them.]"},
		{"deployment", "env: [", "env: [{name: NODE, value: a}, ", container + ".env[1].name: environment variable \"NODE\" is there twice; server-side apply refuses that [Keep one of the two.]"},
		{"deployment", "env: [", "env: [{name: 'A=B', value: a}, ", container + ".env[0].name: \"A=B\": a valid environment variable name must consist only of printable ASCII characters other than '='"},
		{"deployment", "spec.nodeName", "spec.node", container + ".env[0].valueFrom.fieldRef.fieldPath: \"spec.node\" is not a field that a pod can show [Known are metadata.name, metadata.namespace, metadata.uid, spec.nodeName, spec.serviceAccountName, status.hostIP, status.hostIPs, status.podIP, status.podIPs, metadata.labels['…'] and metadata.annotations['…'].]"},
		{"deployment", "envFrom: [{configMapRef: {name: api}}]", "envFrom: [{prefix: A}]", container + ".envFrom[0]: the entry has 0 sources [Write configMapRef or secretRef.]"},
		{"deployment", "limits: {memory: 128Mi}", "limits: {memory: 32Mi, gpu: 1}", container + ".resources.limits.gpu: unknown resource \"gpu\" [Containers have cpu, memory, ephemeral-storage, hugepages-… and names with a domain.]\n" + container + ".resources.requests.memory: the request 64Mi is above the limit 32Mi [Lower the request or raise the limit.]"},
		{"deployment", "terminationGracePeriodSeconds: 30", "restartPolicy: Never", "spec.template.spec.restartPolicy: \"Never\" is not one of [Always]"},
		{"deployment", "operator: Exists}", "operator: Exists, value: x}", "spec.template.spec.tolerations[0].value: operator Exists takes no value [Leave it out.]"},
		{"deployment", "maxSkew: 1, ", "", "spec.template.spec.topologySpreadConstraints[0].maxSkew: must be at least 1, but is 0"},
		{"deployment", "weight: 1", "weight: 101", "spec.template.spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: must be 1 to 100, but is 101"},
		{"cronjob", "restartPolicy: Never, ", "", "spec.jobTemplate.spec.template.spec.restartPolicy: is missing; jobs cannot restart always [Write OnFailure or Never.]"},
	})
}

func TestRefusesWorkloads(t *testing.T) {
	checkFaults(t, []fault{
		{"deployment", "maxSurge: 1", "maxSurge: 0", "spec.strategy.rollingUpdate: maxSurge and maxUnavailable are both 0: no pod could ever be replaced [Let one of them be 1.]"},
		{"deployment", "strategy: {", "strategy: {type: Recreate, ", "spec.strategy.rollingUpdate: strategy Recreate takes no rollingUpdate [Leave it out.]"},
		{"deployment", "selector: {matchLabels: {app: api}}", "selector: {matchLabels: {app: web}}", "spec.selector: does not match the labels of the pod template (app=api) [Give the template these labels.]"},
		{"deployment", "selector: {matchLabels: {app: api}}", "selector: {}", "spec.selector: is missing or empty [Write matchLabels with the labels of the pod template.]"},
		{"statefulset", "Parallel", "parallel", "spec.podManagementPolicy: \"parallel\" is not one of [OrderedReady Parallel]"},
		{"statefulset", "storage: 1Gi", "storage: 0", "spec.volumeClaimTemplates[0].spec.resources.requests.storage: is missing or not above zero"},
		{"statefulset", "accessModes: [ReadWriteOnce], ", "", "spec.volumeClaimTemplates[0].spec.accessModes: is missing [Write [ReadWriteOnce].]"},
		{"cronjob", "*/5 1-3 * * *", "every day", "spec.schedule: \"every day\" is not a cron schedule [Write five fields: minute hour day month weekday.]"},
		{"budget", "maxUnavailable: 1", "maxUnavailable: 1, minAvailable: 1", "spec: minAvailable and maxUnavailable cannot both be set [Keep maxUnavailable: it stays right when replicas change.]"},
		{"budget", "maxUnavailable: 1", "maxUnavailable: a lot", "spec.maxUnavailable: \"a lot\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"},
		{"autoscaler", "maxReplicas: 3", "maxReplicas: 1", "spec.maxReplicas: 1 is below minReplicas 2"},
	})
}

func TestRefusesServicesPoliciesAndData(t *testing.T) {
	checkFaults(t, []fault{
		{"service", "name: http, ", "", "spec.ports[0].name: is missing; a Service with several ports names each"},
		{"service", "port: 9095", "port: 80", "spec.ports[1].port: port \"80/TCP\" is there twice; server-side apply refuses that [Keep one of the two.]"},
		{"service", "spec:", "spec:\n  type: LoadBalancer\n  clusterIP: None", "spec.clusterIP: a Service of type LoadBalancer cannot be headless [Leave clusterIP out, or make two Services.]"},
		{"service", "spec:", "spec:\n  externalTrafficPolicy: Local", "spec.externalTrafficPolicy: only Services that are reached from outside have one [Leave it out.]"},
		{"service", "port: 80,", "port: 80, nodePort: 30000,", "spec.ports[0].nodePort: only Services of type NodePort and LoadBalancer have one [Leave it out.]"},
		{"service", "name: api", "name: 1api", "metadata.name: \"1api\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"},
		{"policy", "endPort: 90", "endPort: 70", "spec.ingress[0].ports[0].endPort: 70 needs a port that is a number and not above it"},
		{"policy", "10.0.0.0/8", "10.0.0.0", "spec.ingress[0].from[0].ipBlock.cidr: \"10.0.0.0\" is not a CIDR [Write address/length, such as 10.0.0.0/8.]"},
		{"policy", "10.1.0.0/16", "11.1.0.0/16", "spec.ingress[0].from[0].ipBlock.except[0]: \"11.1.0.0/16\" is not a CIDR inside 10.0.0.0/8"},
		{"policy", "from: [", "from: [{}, ", "spec.ingress[0].from[0]: the peer is empty [Write podSelector, namespaceSelector or ipBlock.]"},
		{"configmap", "a.yaml", "a/b", "data: \"a/b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"},
		{"secret", ", tls.key: YQ==", "", "data: a Secret of type kubernetes.io/tls has a key \"tls.key\""},
		{"role", "verbs: [get]", "verbs: []", "rules[0].verbs: is missing"},
		{"role", `apiGroups: [""], `, "", `rules[0].apiGroups: is missing [Write [""] for the core group.]`},
		{"binding", "kind: Role,", "kind: Rolle,", "roleRef.kind: \"Rolle\" cannot be bound here [Write Role or ClusterRole.]"},
		{"binding", ", namespace: shop}]", "}]", "subjects[0].namespace: is missing; a service account lives in one"},
	})
}

func TestRefusesCustomResources(t *testing.T) {
	checkFaults(t, []fault{
		{"shelf", "owner: {name: ann}", "owner: {nam: ann}", "spec.owner.nam: unknown field \"nam\" [Did you mean \"name\"?]"},
		{"shelf", "size: 3", "size: big", "spec.size: must be of type integer, but is of type string"},
		{"shelf", "size: 3", "size: 10", "spec.size: 10: should be less than or equal to 9"},
		{"shelf", "size: 3", "size: 1", "spec: a shelf of size 1 must be small"},
		{"shelf", "size: 3", "size: 3\n  kind: huge", "spec.kind: Unsupported value: \"huge\": supported values: \"small\", \"large\""},
		{"shelf", "size: 3\n", "\n", "spec.size: is missing"},
		{"shelf", "name: ann", "name: A1", "spec.owner.name: A1: should match '^[a-z]+$'"},
		{"shelf", "id: b", "id: a", "spec.items[1]: map[id:a] is written twice"},
		{"shelf", "name: top, namespace: shop", "name: top", "metadata.namespace: is missing; Shelf objects live in a namespace [Name the component's namespace.]"},
	})
}
