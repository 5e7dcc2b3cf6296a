package story

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/image"
)

// platformJobs are those of docs/operations/platform-metrics.md on a single-binary cluster without a cloud.
var platformJobs = []string{
	"cadvisor", "cert-manager-cainjector", "cert-manager-controller", "cert-manager-webhook", "collector", "cortex",
	"flux-kustomize-controller", "flux-source-controller", "kubelet", "loki", "proxy", "syncer",
}

// TestTheWatch is what is seen without anybody sending anything: the platform by itself, and what a tenant asks for in
// tenant.yaml. Neither is seen by another tenant, and a probe goes where it may, and nowhere else.
func TestTheWatch(t *testing.T) {
	s := Begin(t, Options{
		Name: "watch", Cluster: "example-local", Domain: "obs.localhost",
		Repository: "https://github.com/acme/observability", Nodes: 2,
		Images: []string{"blackbox-exporter", image.Shell},
	})
	s.Install()
	s.Step("pods", 2*time.Minute, s.checkPods)
	tokens := s.tokens()
	s.Step("platform", 5*time.Minute, func(ctx context.Context) (string, error) { return s.watched(ctx, tokens) })
	s.Step("probes", 15*time.Minute, func(ctx context.Context) (string, error) { return s.probes(ctx, tokens) })
	s.Step("pods", 2*time.Minute, s.settled)
}

// watched waits until every job is up in the tenant system, and sees that the other tenant has nothing of it.
func (s *Story) watched(ctx context.Context, tokens map[string]string) (string, error) {
	err := poll(ctx, func() error {
		points, err := s.Door.QueryMetrics(ctx, tokens[other], `count by (job) (up == 1)`, time.Now())
		if err != nil {
			return err
		}
		var up []string
		for _, point := range points {
			up = append(up, point.Labels["job"])
		}
		slices.Sort(up)
		if !slices.Equal(up, platformJobs) {
			return fmt.Errorf("up are %v, want %v", up, platformJobs)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	var problems []error
	for query, want := range map[string]float64{
		// Every target has the labels that rules go by.
		`count(up{job=~"cadvisor|kubelet", instance=~".+", node=~".+", cluster="example-local"})`:                                         4,
		`count(up{job="cortex", component="cortex", namespace="cortex", pod=~".+", node=~".+", instance=~".+", cluster="example-local"})`: 1,
		`count(count by (namespace) (container_memory_working_set_bytes{container=~".+", pod=~".+"}) > 0) > bool 5`:                       1,
		`count(up == 0)`: 0,
	} {
		if got, err := s.Door.Count(ctx, tokens[other], query, time.Now()); err != nil || got != want {
			problems = append(problems, errors.Join(fmt.Errorf("%s is %v, want %v", query, got, want), err))
		}
	}
	if got, err := s.Door.Count(ctx, tokens[team], `count({__name__=~".+"})`, time.Now()); err != nil || got != 0 {
		problems = append(problems, errors.Join(fmt.Errorf("%s sees %v series and has sent none", team, got), err))
	}
	sizes, err := s.Door.QueryMetrics(ctx, tokens[other], `sort_desc(sum by (job) (scrape_samples_post_metric_relabeling))`, time.Now())
	if err != nil {
		problems = append(problems, err)
	}
	var said []string
	for _, point := range sizes {
		said = append(said, fmt.Sprintf("%s %.0f", point.Labels["job"], point.Value))
	}
	return "samples a scrape: " + strings.Join(said, ", "), errors.Join(problems...)
}

// probes asks a pod that the cluster's owner allows, and one that nobody does: a part of the platform.
func (s *Story) probes(ctx context.Context, tokens map[string]string) (string, error) {
	shop := Guest{Namespace: "shop", Name: "shop", Containers: []core.Container{source()}}
	if err := s.Invite(ctx, shop); err != nil {
		return "", err
	}
	pod, err := s.Client.CoreV1().Pods("shop").Get(ctx, "shop", meta.GetOptions{})
	if err != nil {
		return "", err
	}
	allowed := pod.Status.PodIP + "/32"
	err = errors.Join(
		s.Fork.Edit("clusters/"+s.Cluster+"/cluster.yaml", "certificates:\n", "exporters:\n  networks: ["+allowed+"]\n\ncertificates:\n"),
		s.Fork.Edit("tenants/"+team+"/tenant.yaml", "access:\n", fmt.Sprintf(`exporters:
  networks: [%s]
  blackbox:
    interval: 10s
    modules:
      shop: {timeout: 3s, http: {bodyMatches: [sender_value]}}
    targets:
    - {address: "http://%s:8000/metrics", module: shop, labels: {kind: allowed}}
    - {address: "http://cortex.cortex.svc:8080/ready", module: shop, labels: {kind: forbidden}}
    - {address: "http://%s:8080/", module: http, labels: {kind: closed}}
access:
`, allowed, pod.Status.PodIP, pod.Status.PodIP)),
	)
	if err != nil {
		return "", err
	}
	if err := s.Publish(ctx, "Let "+team+" ask its shop"); err != nil {
		return "", err
	}
	if err := poll(ctx, func() error { return s.probed(ctx, tokens) }); err != nil {
		return "", err
	}
	return "the shop answers; the platform, which the policy closes, does not; nobody else sees it", nil
}

// probed compares what the tenants see of the probes.
func (s *Story) probed(ctx context.Context, tokens map[string]string) error {
	var problems []error
	for _, want := range []struct {
		tenant, query string
		value         float64
	}{
		{team, `sum(probe_success{job="blackbox", module="shop", kind="allowed"})`, 1},
		{team, `count(probe_success{kind="forbidden"} == 0)`, 1},
		{team, `count(probe_http_status_code{kind="forbidden"} == 0)`, 1},
		{team, `count(up{job=~"blackbox|scraper"} == 1)`, 4},
		{team, `count(up{job!~"blackbox|scraper"})`, 0},
		{other, `count(probe_success)`, 0},
	} {
		if got, err := s.Door.Count(ctx, tokens[want.tenant], want.query, time.Now()); err != nil || got != want.value {
			problems = append(problems, errors.Join(fmt.Errorf("%s asks %s: %v, want %v", want.tenant, want.query, got, want.value), err))
		}
	}
	return errors.Join(problems...)
}
