package config_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/jsonnet"
	"github.com/opsgen/opsgen/proxy/config"
)

// tracingBase evaluates the base with a section `tracing` of cluster.yaml: the proxy's configuration, and the part of its
// egress that no cluster without the section has.
func tracingBase(t *testing.T, section string) (tracing config.Tracing, egress []string, err error) {
	t.Helper()
	with := strings.TrimSuffix(strings.TrimSpace(cluster), "}") + section + "}"
	text, err := rendered(t, "bases/proxy/main.jsonnet", "proxy", config.FileName, map[string]string{"cluster": with, "bundle": "{}"})
	if err != nil {
		return tracing, nil, err
	}
	c, err := config.Parse([]byte(text))
	if err != nil {
		return tracing, nil, err
	}
	before := map[string]bool{}
	for _, rule := range egressOf(t, cluster) {
		before[rule] = true
	}
	for _, rule := range egressOf(t, with) {
		if !before[rule] {
			egress = append(egress, rule)
		}
	}
	return c.Tracing, egress, nil
}

// egressOf are the egress rules of the proxy's policy, as JSON.
func egressOf(t *testing.T, cluster string) []string {
	t.Helper()
	text, err := jsonnet.New("../..", nil).Evaluate("bases/proxy/main.jsonnet", map[string]string{"cluster": cluster, "bundle": "{}"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var objects []struct {
		Kind string
		Spec struct{ Egress []json.RawMessage }
	}
	if err := json.Unmarshal(text, &objects); err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, object := range objects {
		if object.Kind != "NetworkPolicy" {
			continue
		}
		for _, rule := range object.Spec.Egress {
			rules = append(rules, strings.Join(strings.Fields(string(rule)), ""))
		}
	}
	return rules
}

func TestTheProxyReachesItsReceiverOfTracesAndNothingElse(t *testing.T) {
	const inside, port = `"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"observability"}}`, `"ports":[{"port":4318,"protocol":"TCP"}]`
	for endpoint, want := range map[string]string{
		"http://collector.observability.svc:4318":               `{` + port + `,"to":[{` + inside + `}]}`,
		"http://collector.observability.svc.cluster.local:4318": `{` + port + `,"to":[{` + inside + `}]}`,
		"https://10.1.2.3:4318":                                 `{` + port + `,"to":[{"ipBlock":{"cidr":"10.1.2.3/32"}}]}`,
		"https://otlp.example.com": `{"ports":[{"port":443,"protocol":"TCP"}],` +
			`"to":[{"ipBlock":{"cidr":"0.0.0.0/0","except":["169.254.0.0/16"]}}]}`,
	} {
		got, egress, err := tracingBase(t, `tracing: {endpoint: "`+endpoint+`", sample: 0.5}`)
		if err != nil {
			t.Errorf("%s: %v", endpoint, err)
			continue
		}
		if got.Endpoint != endpoint || got.Sample != 0.5 {
			t.Errorf("the proxy is told %+v, want %s", got, endpoint)
		}
		if len(egress) != 1 || egress[0] != want {
			t.Errorf("%s opens %s, want %s", endpoint, egress, want)
		}
	}
	if got, egress, err := tracingBase(t, ""); err != nil || got.Endpoint != "" || len(egress) != 0 {
		t.Errorf("without the section: %+v, %s, %v", got, egress, err)
	}
}

func TestAReceiverOfTracesThatIsNoURLIsRefused(t *testing.T) {
	for _, endpoint := range []string{"", "collector:4318", "grpc://collector:4317", "http://", "http://a:b", "http://a:1:2", "http://a:4318/v1/traces"} {
		if _, _, err := tracingBase(t, `tracing: {endpoint: "`+endpoint+`"}`); err == nil || !strings.Contains(err.Error(), "tracing.endpoint") {
			t.Errorf("the endpoint %q is not refused: %v", endpoint, err)
		}
	}
}
