package zones

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/bed"
	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/story"
)

func TestMain(m *testing.M) {
	bed.Internal()
	os.Exit(m.Run())
}

// description is example-aws for three nodes of a small machine: all workloads, one pod of each where one will do, zones as
// they are, and the bundled object storage in place of S3.
const description = `domain: obs-aws.example.com
provider: {name: existing, zones: [z1, z2, z3]}
source: {url: "https://github.com/acme/observability", branch: main}
capacity:
  metrics: {activeSeries: 10k, retention: 15d}
  logs: {bytesPerDay: 1GB, retention: 7d}
certificates: {issuer: self-signed}
components:
`

// small are the workloads that have one pod here; those of zones have one in each.
var small = map[string]string{
	"cortex": "distributor querier query-frontend query-scheduler ruler alertmanager compactor index-cache chunks-cache metadata-cache " +
		"results-cache ingester store-gateway",
	"loki":  "distributor querier query-frontend query-scheduler ruler index-gateway chunks-cache results-cache compactor ingester",
	"proxy": "proxy", "syncer": "syncer",
}

func describe() string {
	text := description
	for _, component := range []string{"cortex", "loki", "proxy", "syncer"} {
		text += "  " + component + ":\n    workloads:\n"
		for _, workload := range strings.Fields(small[component]) {
			text += fmt.Sprintf("      %s: {replicas: 1, cpu: 20m, memory: 256Mi}\n", workload)
		}
	}
	return text
}

// TestThreeZones is a cluster whose zones are real nodes, one each.
func TestThreeZones(t *testing.T) {
	s := story.Begin(t, story.Options{
		Name: "zones", Cluster: "example-aws", Domain: "obs-aws.example.com",
		Repository: "https://github.com/acme/observability", Nodes: 3,
	})
	z := &three{Story: s}
	s.Step("smaller", 5*time.Minute, z.shrink)
	s.Install()
	s.Step("spread", time.Minute, z.spread)
	s.Step("token", time.Minute, func(ctx context.Context) (string, error) {
		var err error
		z.token, err = s.Token(ctx, "payments", "metrics:read,metrics:write,logs:read,logs:write")
		return "one for payments", err
	})
	s.Step("upgrade", 20*time.Minute, z.upgrade)
	s.Step("broken", 20*time.Minute, z.breakFirst)
}

type three struct {
	*story.Story
	token string
}

func (z *three) shrink(ctx context.Context) (string, error) {
	if err := z.Fork.Write("clusters/"+z.Cluster+"/cluster.yaml", describe()); err != nil {
		return "", err
	}
	var err error
	z.Commit, err = z.Fork.Publish(ctx, "Make it small", z.Cluster)
	return "one pod where one will do, three zones", err
}

// spread says that each pod of a zone runs on that zone's node.
func (z *three) spread(ctx context.Context) (string, error) {
	pods, err := z.pods(ctx)
	if err != nil {
		return "", err
	}
	nodes := map[string]string{}
	for i := range pods {
		zone, node := pods[i].Labels[Label], pods[i].Spec.NodeName
		if nodes[zone] != "" && nodes[zone] != node {
			return "", fmt.Errorf("zone %s is on %s and %s", zone, nodes[zone], node)
		}
		nodes[zone] = node
	}
	if len(nodes) != 3 || nodes["a"] == nodes["b"] || nodes["b"] == nodes["c"] || nodes["a"] == nodes["c"] {
		return "", fmt.Errorf("the zones are on %v", nodes)
	}
	return fmt.Sprintf("%d pods of zones on %s, %s and %s", len(pods), nodes["a"], nodes["b"], nodes["c"]), nil
}

// pods are those of zones.
func (z *three) pods(ctx context.Context) ([]core.Pod, error) {
	list, err := z.Client.CoreV1().Pods("").List(ctx, meta.ListOptions{LabelSelector: Label})
	if err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	return list.Items, nil
}

// upgrade changes the ingesters while data is written and read.
func (z *three) upgrade(ctx context.Context) (string, error) {
	r, err := Watch(ctx, z.Client)
	if err != nil {
		return "", err
	}
	defer r.Close()
	load := newTraffic(ctx, z.Door, z.token, "zones_upgrade")
	if err := load.goesOn(ctx, 10); err != nil {
		return "", err
	}
	changed := strings.ReplaceAll(describe(), "ingester: {replicas: 1, cpu: 20m,", "ingester: {replicas: 1, cpu: 21m,")
	if err := z.Fork.Write("clusters/"+z.Cluster+"/cluster.yaml", changed); err != nil {
		return "", err
	}
	if err := z.Publish(ctx, "Ask for a little more"); err != nil {
		return "", err
	}
	if err := errors.Join(load.goesOn(ctx, 10), r.Stop(ctx, z.Client)); err != nil {
		return "", err
	}
	order, err := r.Changed()
	if err != nil {
		return "", err
	}
	if len(order) != 6 || !maps.Equal(Order(order), map[string]string{"cortex": "abc", "loki": "abc"}) {
		return "", fmt.Errorf("these followed: %v", order)
	}
	return load.stop(ctx)
}

// crash is a patch with which no ingester of Cortex starts: it has no such flag.
const crash = `apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches:
- target: {kind: StatefulSet, name: ingester-zone-.*}
  patch: |
    - op: add
      path: /spec/template/spec/containers/0/args/-
      value: -no-such-flag
`

// breakFirst releases ingesters that crash. It must stop at the first zone, and two zones must serve.
func (z *three) breakFirst(ctx context.Context) (string, error) {
	r, err := Watch(ctx, z.Client)
	if err != nil {
		return "", err
	}
	defer r.Close()
	load := newTraffic(ctx, z.Door, z.token, "zones_broken")
	patches := "clusters/" + z.Cluster + "/patches/cortex/kustomization.yaml"
	if err := z.Fork.Write(patches, crash); err != nil {
		return "", err
	}
	if z.Commit, err = z.Fork.Publish(ctx, "Break the ingesters", z.Cluster); err != nil {
		return "", err
	}
	if err := flux.Fetch(ctx, z.Dynamic); err != nil {
		return "", err
	}
	if err := z.stuck(ctx); err != nil {
		return "", err
	}
	if err := load.goesOn(ctx, 40); err != nil {
		return "", fmt.Errorf("with a zone down: %w", err)
	}
	if _, err := z.Fork.Git(ctx, "rm", "-r", "--quiet", patches); err != nil {
		return "", err
	}
	began := time.Now()
	if err := z.Publish(ctx, "Mend the ingesters"); err != nil {
		return "", err
	}
	took := time.Since(began)
	if err := errors.Join(load.goesOn(ctx, 10), r.Stop(ctx, z.Client)); err != nil {
		return "", err
	}
	order, err := r.Changed()
	if err != nil || len(order) != 1 || order[0] != "cortex/ingester-zone-a" {
		return "", errors.Join(fmt.Errorf("only the first zone's ingesters should have been changed, not %v", order), err)
	}
	text, err := load.stop(ctx)
	return fmt.Sprintf("zones b and c served; mended in %.0f s; %s", took.Seconds(), text), err
}

// stuck waits until the first zone's ingester crashes, and the other zones were asked once more and wait for it.
func (z *three) stuck(ctx context.Context) error {
	if err := flux.Await(ctx, z.Dynamic, func(all []flux.Unit) error {
		for _, u := range all {
			if u.Name == "platform-cortex-zone-a" && u.Attempted == z.Commit && !u.Ready {
				return z.crashes(ctx)
			}
		}
		return fmt.Errorf("zone a has not tried %.7s", z.Commit)
	}); err != nil {
		return err
	}
	token, err := flux.Request(ctx, z.Dynamic, "platform-cortex-zone-b", "platform-cortex-zone-c")
	if err != nil {
		return err
	}
	return flux.Await(ctx, z.Dynamic, func(all []flux.Unit) error {
		waiting := 0
		for _, u := range all {
			if u.Handled == token && u.Reason == "DependencyNotReady" && u.Revision != z.Commit {
				waiting++
			}
		}
		if waiting != 2 {
			return fmt.Errorf("%d of 2 zones wait", waiting)
		}
		return nil
	})
}

// crashes answers nil when an ingester of Cortex in zone a has ended and was started again. No other pod of a zone may.
func (z *three) crashes(ctx context.Context) error {
	pods, err := z.pods(ctx)
	if err != nil {
		return err
	}
	for i := range pods {
		for _, c := range pods[i].Status.ContainerStatuses {
			if c.Ready || c.RestartCount == 0 {
				continue
			}
			if pods[i].Labels[Label] != "a" {
				return fmt.Errorf("%s crashes", pods[i].Name)
			}
			return nil
		}
	}
	return errors.New("no pod crashes")
}
