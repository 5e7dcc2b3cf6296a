package rendered

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	workload = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ingester-zone-a, namespace: cortex}
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: cortex
          image: registry.example.com/quay.io/cortexproject/cortex:v1.21.1@sha256:aa
          args: [-target=ingester, -config.file=/etc/cortex/cortex.yaml, -ingester.lifecycler.addr=$(POD_IP), -n=$(N)]
          env:
            - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
            - {name: N, value: "3"}
          volumeMounts: [{name: config, mountPath: /etc/cortex}]
      volumes: [{name: config, configMap: {name: cortex}}]
`
	config = `
apiVersion: v1
kind: ConfigMap
metadata: {name: cortex, namespace: cortex}
data: {cortex.yaml: "auth_enabled: true"}
`
	service = `
apiVersion: v1
kind: Service
metadata: {name: query-scheduler, namespace: cortex}
spec: {clusterIP: None}
`
	// foreign would not parse as one of our objects, and must not be read.
	foreign = `
apiVersion: v1
kind: ConfigMap
metadata: {name: cortex, namespace: loki}
data: [not, a, map]
`
)

func TestClusters(t *testing.T) {
	clusters, err := Clusters(folder(t, workload, config, service, foreign))
	if err != nil {
		t.Fatal(err)
	}
	if len(clusters) != 1 || len(clusters[0].Processes) != 1 {
		t.Fatalf("found %+v, want one cluster with one process", clusters)
	}
	process := clusters[0].Processes[0]
	want := []string{"-target=ingester", "-config.file=/etc/cortex/cortex.yaml", "-ingester.lifecycler.addr=10.0.0.1", "-n=3"}
	if !slices.Equal(process.Args, want) {
		t.Errorf("arguments are %q, want %q", process.Args, want)
	}
	if process.Workload != "ingester-zone-a" || process.Replicas != 2 || string(process.Config) != "auth_enabled: true" {
		t.Errorf("found %+v", process)
	}
	if !slices.Equal(clusters[0].Headless, []string{"query-scheduler"}) {
		t.Errorf("headless Services are %q, want query-scheduler", clusters[0].Headless)
	}
}

func TestClustersRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		objects []string
		want    string
	}{
		"nothing rendered":         {want: "run opsgen render first"},
		"no Cortex":                {objects: []string{config}, want: "run opsgen render first"},
		"no ConfigMap":             {objects: []string{workload}, want: "ConfigMap cortex, which is not rendered"},
		"another file":             {objects: []string{strings.ReplaceAll(workload, "cortex.yaml", "c.yaml"), config}, want: "not in any ConfigMap"},
		"no configuration":         {objects: []string{strings.Replace(workload, "-config.file=/etc/cortex/cortex.yaml, ", "", 1), config}, want: "no -config.file"},
		"an unknown variable":      {objects: []string{strings.Replace(workload, "$(N)", "$(M)", 1), config}, want: "variable M"},
		"a file that is not YAML":  {objects: []string{"{"}, want: "object-0.yaml"},
		"a process without a file": {objects: []string{strings.Replace(workload, "{name: config, mountPath: /etc/cortex}", "", 1), config}, want: "not in any ConfigMap"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Clusters(folder(t, c.objects...))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one with %q", err, c.want)
			}
		})
	}
}

// folder writes objects as a rendered cluster into a folder of clusters.
func folder(t *testing.T, objects ...string) string {
	t.Helper()
	root := t.TempDir()
	unit := filepath.Join(root, "prod", "rendered", "platform", "cortex")
	if err := os.MkdirAll(unit, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, text := range objects {
		if err := os.WriteFile(filepath.Join(unit, "object-"+string(rune('0'+i))+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
