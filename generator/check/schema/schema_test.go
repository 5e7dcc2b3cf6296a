package schema_test

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/generator/check/schema"
	"github.com/opsgen/opsgen/generator/object"
)

func parse(t testing.TB, text string) object.Object {
	t.Helper()
	content := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &content); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return object.New(content, "test.yaml")
}

// says lists problems as "path: message [hint]".
func says(problems []schema.Problem) string {
	var lines []string
	for _, p := range problems {
		line := p.Path + ": " + p.Message
		if p.Hint != "" {
			line += " [" + p.Hint + "]"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// samples are objects without a fault; a test breaks one of them by replacing a piece of text.
var samples = map[string]string{
	"deployment": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop, labels: {app: api}, annotations: {note: x}}
spec:
  replicas: 2
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec:
      terminationGracePeriodSeconds: 30
      nodeSelector: {disk: ssd}
      tolerations: [{key: spot, operator: Exists}]
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: api}}}
      affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: host}}]}}
      containers:
      - name: api
        image: shop/api:1.0.0
        ports: [{name: http, containerPort: 8080}]
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        envFrom: [{configMapRef: {name: api}}]
        resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
        readinessProbe: {httpGet: {path: /ready, port: http}, periodSeconds: 5}
        volumeMounts: [{name: config, mountPath: /etc/api, subPath: a}]
      volumes: [{name: config, configMap: {name: api}}]
`,
	"statefulset": `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store, namespace: shop}
spec:
  serviceName: store
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec:
      containers: [{name: store, image: shop/store:1.0.0, volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`,
	"service": `
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec:
  selector: {app: api}
  ports: [{name: http, port: 80, targetPort: http}, {name: grpc, port: 9095, targetPort: 9095}]
`,
	"cronjob": `
apiVersion: batch/v1
kind: CronJob
metadata: {name: tidy, namespace: shop}
spec:
  schedule: "*/5 1-3 * * *"
  jobTemplate: {spec: {backoffLimit: 1, template: {spec: {restartPolicy: Never, containers: [{name: tidy, image: shop/tidy:1.0.0}]}}}}
`,
	"policy": `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: api, namespace: shop}
spec:
  podSelector: {matchLabels: {app: api}}
  policyTypes: [Ingress]
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
    ports: [{port: 80, endPort: 90}]
`,
	"budget": `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: api, namespace: shop}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: api}}}
`,
	"autoscaler": `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: api, namespace: shop}
spec: {minReplicas: 2, maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: api}}
`,
	"configmap": `
apiVersion: v1
kind: ConfigMap
metadata: {name: api, namespace: shop}
data: {a.yaml: "x: 1"}
`,
	"secret": `
apiVersion: v1
kind: Secret
type: kubernetes.io/tls
metadata: {name: api, namespace: shop}
data: {tls.crt: YQ==, tls.key: YQ==}
`,
	"role": `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: "api:read", namespace: shop}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`,
	"binding": `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: api, namespace: shop}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: api}
subjects: [{kind: ServiceAccount, name: api, namespace: shop}]
`,
	"namespace": `
apiVersion: v1
kind: Namespace
metadata: {name: shop}
`,
	"shelf": `
apiVersion: shop.example.com/v1
kind: Shelf
metadata: {name: top, namespace: shop}
spec:
  size: 3
  owner: {name: ann}
  items: [{id: a}, {id: b}]
`,
}

const shelfDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shelves.shop.example.com}
spec:
  group: shop.example.com
  names: {kind: Shelf, plural: shelves, singular: shelf, listKind: ShelfList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            x-kubernetes-validations: [{rule: "self.size > 1 || self.kind == 'small'", message: "a shelf of size 1 must be small"}]
            properties:
              size: {type: integer, maximum: 9}
              kind: {type: string, enum: [small, large], default: large}
              owner: {type: object, properties: {name: {type: string, pattern: "^[a-z]+$"}}}
              items:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [id]
                items: {type: object, required: [id], properties: {id: {type: string}}}
  - name: v1beta1
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
  - name: v1alpha1
    served: false
    storage: false
    schema: {openAPIV3Schema: {type: object}}
`

func schemas(t testing.TB) *schema.Schemas {
	t.Helper()
	s, err := schema.New([]object.Object{parse(t, shelfDefinition)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSamplesAreWithoutFault(t *testing.T) {
	s := schemas(t)
	for name, text := range samples {
		for _, minor := range []int{34, 35, 36} {
			if _, problems := s.Check(parse(t, text), minor); len(problems) > 0 {
				t.Errorf("%s on 1.%d: %s", name, minor, says(problems))
			}
		}
	}
	if _, problems := s.Check(parse(t, shelfDefinition), 36); len(problems) > 0 {
		t.Errorf("the definition: %s", says(problems))
	}
}

// fault is a sample with one piece of text replaced, and what must be said about it, all of it.
type fault struct{ sample, old, new, want string }

func checkFaults(t *testing.T, faults []fault) {
	t.Helper()
	s := schemas(t)
	for _, f := range faults {
		text := strings.Replace(samples[f.sample], f.old, f.new, 1)
		if text == samples[f.sample] {
			t.Errorf("%s has no %q", f.sample, f.old)
			continue
		}
		_, problems := s.Check(parse(t, text), 36)
		if got := says(problems); got != f.want {
			t.Errorf("%s with %q:\n got %s\nwant %s", f.sample, f.new, got, f.want)
		}
	}
}

func TestRefusesKinds(t *testing.T) {
	s := schemas(t)
	for _, test := range []struct {
		apiVersion, kind, want string
		minor                  int
	}{
		{"apps/v2", "Deployment", "apiVersion: no kind Deployment is known in apps/v2 [Write apiVersion: apps/v1.]", 36},
		{"v1", "Deploymint", "apiVersion: no kind Deploymint is known in v1 [Correct apiVersion or kind, or render the custom resource definition in a crds.jsonnet.]", 36},
		{"v1", "ConfigMapList", "kind: ConfigMapList is a list, not an object [Return its items.]", 36},
		{"shop.example.com/v1alpha1", "Shelf", "apiVersion: Shelf.shop.example.com has no version v1alpha1; its definition serves v1, v1beta1 [Write one of them.]", 36},
		{"shop.example.com/v1beta1", "Shelf", "apiVersion: version v1beta1 is not generally available: it may change or vanish with any release [Write a generally available version where the definition has one.]", 36},
		{"policy/v1beta1", "PodDisruptionBudget", "apiVersion: policy/v1beta1 PodDisruptionBudget was removed in Kubernetes 1.25; the cluster runs 1.36 [Write apiVersion: policy/v1.]", 36},
		{"resource.k8s.io/v1", "ResourceClaim", "apiVersion: resource.k8s.io/v1 ResourceClaim exists from Kubernetes 1.34 on; the cluster runs 1.33 [Leave it out, or raise the cluster's Kubernetes version.]", 33},
		{"resource.k8s.io/v1beta1", "ResourceClaim", "apiVersion: resource.k8s.io/v1beta1 ResourceClaim is not generally available: it may change or vanish with any Kubernetes release", 36},
		{"", "Pod", ": apiVersion or kind is missing [Every object names both.]", 36},
	} {
		content := map[string]any{"apiVersion": test.apiVersion, "kind": test.kind, "metadata": map[string]any{"name": "x", "namespace": "shop"}}
		_, problems := s.Check(object.New(content, "test"), test.minor)
		if len(problems) == 0 || says(problems[len(problems)-1:]) != test.want {
			t.Errorf("%s %s:\n got %s\nwant %s", test.apiVersion, test.kind, says(problems), test.want)
		}
	}
}

func TestWarnsOfFieldsThatAnOlderClusterLacks(t *testing.T) {
	s := schemas(t)
	text := strings.Replace(samples["deployment"], "nodeSelector:", "hostnameOverride: me\n      nodeSelector:", 1)
	_, problems := s.Check(parse(t, text), 33)
	want := "spec.template.spec.hostnameOverride: field \"hostnameOverride\" of PodSpec exists from Kubernetes 1.34 on; the cluster runs 1.33, which drops it" +
		" [Leave it out, or raise the cluster's Kubernetes version.]"
	if got := says(problems); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if _, problems := s.Check(parse(t, text), 34); len(problems) > 0 {
		t.Errorf("on 1.34: %s", says(problems))
	}
}

func TestDefinitionThatIsNone(t *testing.T) {
	broken := object.New(map[string]any{"kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "x"}, "spec": "no"}, "crd.yaml")
	if _, err := schema.New([]object.Object{broken}); err == nil || !strings.Contains(err.Error(), "read CustomResourceDefinition x from crd.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestNamespaced(t *testing.T) {
	s := schemas(t)
	for text, want := range map[string]bool{samples["deployment"]: true, samples["namespace"]: false, samples["shelf"]: true} {
		o := parse(t, text)
		if got, known := s.Namespaced(o.GroupVersionKind()); got != want || !known {
			t.Errorf("%s: %v %v", o.ID(), got, known)
		}
	}
}
