package story

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// insideURL is the proxy's for pods, as bases/proxy/proxy.libsonnet has it.
const insideURL = "https://proxy-internal.proxy.svc"

// direct is a Collector's exporter that shows its pod's own token.
const direct = `
extensions:
  bearertokenauth:
    filename: ` + podToken + `
exporters:
  otlphttp:
    endpoint: ` + insideURL + `
    auth:
      authenticator: bearertokenauth
service:
  extensions: [bearertokenauth]
`

// bySidecar is a Collector's exporter that knows no token: remote write and OTLP to loopback.
const bySidecar = `
exporters:
  prometheusremotewrite:
    endpoint: http://127.0.0.1:8081/api/v1/push
    target_info: {enabled: false}
  otlphttp:
    logs_endpoint: http://127.0.0.1:8082/otlp/v1/logs
`

// collectors starts Collectors in the namespace and with the account that tenant.yaml lets in; they have no secret.
func (s *Story) collectors(ctx context.Context) (string, error) {
	image, err := s.proxyImage(ctx)
	if err != nil {
		return "", err
	}
	one := collector(team, "direct", direct, map[string]string{"/etc/otelcol/gather.yaml": gather("direct", "otlphttp", "otlphttp")})
	two := collector(team, "sidecar", bySidecar, map[string]string{
		"/etc/otelcol/gather.yaml": gather("sidecar", "prometheusremotewrite", "otlphttp"),
	})
	two.Containers = append(two.Containers, core.Container{
		Name: "sidecar", Image: image, ReadinessProbe: serves("/-/ready", 9090),
		Args: []string{
			"sidecar", "--metrics=127.0.0.1:8081", "--logs=127.0.0.1:8082", "--upstream=" + insideURL, "--domain=" + s.Domain,
			"--ca-file=" + authority, "--token-file=" + podToken,
		},
	})
	one.Account, two.Account, one.Shows, two.Shows = "collector", "collector", true, true
	return "one with its own token, one with a sidecar", s.Invite(ctx, one, two)
}

func (s *Story) proxyImage(ctx context.Context) (string, error) {
	deployment, err := s.Client.AppsV1().Deployments("proxy").Get(ctx, "proxy", meta.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("finding the proxy's image: %w", err)
	}
	return deployment.Spec.Template.Spec.Containers[0].Image, nil
}

// strangers are pods that nobody let in: another account of the namespace, and another namespace with an account of the
// same name.
func (s *Story) strangers(ctx context.Context) (string, error) {
	const query = "/prometheus/api/v1/query?query=up"
	account := Guest{Namespace: team, Name: "stranger", Containers: []core.Container{shell()}, Shows: true}
	namespace := Guest{Namespace: "strangers", Name: "stranger", Account: "collector", Containers: []core.Container{shell()}, Shows: true}
	collector := Guest{Namespace: team, Name: "reader", Account: "collector", Containers: []core.Container{shell()}, Shows: true}
	if err := s.Invite(ctx, account, namespace, collector); err != nil {
		return "", err
	}
	public := "https://metrics." + s.Domain
	var problems []error
	for _, try := range []struct {
		who       Guest
		url, want string
	}{
		{account, insideURL + query, "401 Unauthorized"},
		{account, public + query, "401 Unauthorized"},
		{namespace, public + query, "401 Unauthorized"},
		// No policy lets the namespace as far as the listener.
		{namespace, insideURL + query, "dial tcp"},
		// Who is let in for writing does not read, and is believed inside only.
		{collector, insideURL + query, "403 Forbidden"},
		{collector, public + query, "401 Unauthorized"},
	} {
		answer, err := s.Fetch(ctx, try.who.Namespace, try.who.Name, "-token="+podToken, try.url)
		if err == nil || !strings.Contains(answer, try.want) {
			problems = append(problems, fmt.Errorf("%s/%s calls %s: %q, want %s", try.who.Namespace, try.who.Name, try.url, answer, try.want))
		}
	}
	return "six calls with a pod's token, none let in", errors.Join(problems...)
}

// grafanas asks each tenant's Grafana what its data sources answer: by its sidecar, with no secret. The way into the pod is
// the administrator's, since only the proxy may call it.
func (s *Story) grafanas(ctx context.Context) (string, error) {
	const (
		series = "metrics/api/v1/query?query=count(count_over_time(sender_value%7Bjob%3D%22prometheus%22%7D%5B1h%5D))"
		names  = "logs/loki/api/v1/label/service_name/values"
	)
	for _, try := range []struct{ tenant, path, want string }{
		{team, series, fmt.Sprintf(`"%d"`, sentSeries)},
		{other, series, `"result":[]`},
		{team, names, `"otel"`},
		{other, names, `"status":"success"`},
	} {
		answer, err := s.dataSource(ctx, try.tenant, try.path)
		if err != nil {
			return "", err
		}
		if !strings.Contains(answer, try.want) || try.tenant == other && strings.Contains(answer, `"otel"`) {
			return "", fmt.Errorf("the Grafana of %s asks %s: %s, want %s", try.tenant, try.path, answer, try.want)
		}
	}
	return "both tenants' data sources answer, each with its own data", nil
}

func (s *Story) dataSource(ctx context.Context, tenant, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	forward := exec.CommandContext(ctx, s.kubectl, "--kubeconfig="+s.Bed.Kubeconfig(), "--namespace=tenant-"+tenant,
		"port-forward", "deployment/grafana", ":3000")
	out, err := forward.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := forward.Start(); err != nil {
		return "", fmt.Errorf("entering the Grafana of %s: %w", tenant, err)
	}
	defer func() { cancel(); _ = forward.Wait() }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("entering the Grafana of %s: %w", tenant, err)
	}
	fields := strings.Fields(line) // "Forwarding from 127.0.0.1:1234 -> 3000"
	if len(fields) < 3 {
		return "", fmt.Errorf("entering the Grafana of %s: %s", tenant, line)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+fields[2]+"/api/datasources/proxy/uid/"+path, http.NoBody)
	if err != nil {
		return "", err
	}
	// The stand-in looks only whether somebody is named.
	request.Header.Set("X-JWT-Assertion", "a person")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("asking the Grafana of %s: %w", tenant, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the Grafana of %s answers %s: %s", tenant, response.Status, answer)
	}
	return string(answer), err
}
