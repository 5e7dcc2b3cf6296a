package story

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/frontdoor"
	"github.com/opsgen/opsgen/test/image"
)

// young is the tenant that comes, goes and comes again; its name begins that of another one (team).
const young = "pay"

// TestTenants is a team's life: from a pull request to an alert that reaches its receiver, a limit, the removal, a new
// team of the same name, and the end of the old one's data.
func TestTenants(t *testing.T) {
	s := Begin(t, Options{
		Name: "tenants", Cluster: "example-local", Domain: "obs.localhost",
		Repository: "https://github.com/acme/observability", Nodes: 2, Images: []string{image.Shell},
	})
	y := &youth{life: &life{Story: s}}
	s.Step("patches", 5*time.Minute, y.patch)
	s.Install()
	y.keys = s.tokens()
	for _, step := range []struct {
		name  string
		limit time.Duration
		run   func(context.Context) (string, error)
	}{
		{"pager", 3 * time.Minute, y.pager},
		{"merge", 10 * time.Minute, y.merge},
		{"metrics", 8 * time.Minute, func(ctx context.Context) (string, error) { return y.fires(ctx, "QueueFull") }},
		{"logs", 8 * time.Minute, func(ctx context.Context) (string, error) { return y.fires(ctx, "Panics") }},
		{"write", 5 * time.Minute, y.write},
		{"limit", 8 * time.Minute, y.limit},
		{"remove", 10 * time.Minute, y.remove},
		{"stays", 5 * time.Minute, y.stays},
		{"again", 10 * time.Minute, y.again},
		{"erase", 25 * time.Minute, y.erase},
		{"buckets", 10 * time.Minute, y.buckets},
		{"others", 5 * time.Minute, y.others},
		{"forget", 12 * time.Minute, y.forget},
		{"pods", 5 * time.Minute, s.settled},
	} {
		s.Step(step.name, step.limit, step.run)
	}
}

// A youth is what the steps of TestTenants share.
type youth struct {
	*life
	// keys are tokens that read and write, by the tenant.
	keys map[string]string
	// id is the tenant's ID in Cortex and Loki, the first one's in old.
	id, old string
	// merged is when the tenant's commit was pushed.
	merged time.Time
	// feeding ends the writing of what the rules fire on.
	feeding context.CancelFunc
}

// faster are flags by which what takes hours takes minutes: rounds of the compactors, how long Cortex' mark stays after the
// last block (6 h), how long a request to delete lines can be taken back (24 h), and when a stream leaves an ingester (30 min).
var faster = map[string][]string{
	"cortex": {"-compactor.cleanup-interval=20s", "-compactor.tenant-cleanup-delay=5m"},
	"loki": {
		"-compactor.compaction-interval=30s", "-compactor.delete-request-cancel-period=30s", "-compactor.retention-delete-delay=30s",
		"-tsdb.shipper.resync-interval=10s", "-ingester.chunks-idle-period=30s", "-ingester.flush-check-period=5s",
		"-ingester.checkpoint-duration=20s", "-store.index-cache-validity=1s",
	},
}

// allowance opens Cortex' way to the receiver, as a team would that has its own in the cluster: out of it, only HTTPS is open.
const allowance = `- target: {kind: NetworkPolicy, name: cortex}
  patch: |
    - op: add
      path: /spec/egress/-
      value:
        to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: oncall}}}]
        ports: [{port: 8080, protocol: TCP}]
`

// patch writes the fork's own patches: shorter times, and the way to the receiver.
func (y *youth) patch(ctx context.Context) (string, error) {
	head := "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
	for component, flags := range faster {
		text := head + "- target: {kind: StatefulSet, name: " + component + "}\n  patch: |\n"
		for _, flag := range flags {
			text += "    - {op: add, path: /spec/template/spec/containers/0/args/-, value: " + flag + "}\n"
		}
		if component == "cortex" {
			text += allowance
		}
		if err := y.Fork.Write("clusters/"+y.Cluster+"/patches/"+component+"/kustomization.yaml", text); err != nil {
			return "", err
		}
	}
	objects, err := y.Rendered()
	if err != nil {
		return "", err
	}
	for _, o := range objects {
		if o.String() != "ConfigMap/syncer in syncer" {
			continue
		}
		data, _ := o.Object["data"].(map[string]any)
		settings, _ := data["syncer.yaml"].(string)
		settings = strings.TrimSpace(settings) + "\nerase: {interval: 5s, settle: 10s}\n"
		text := head + "- target: {kind: ConfigMap, name: syncer}\n  patch: |\n    apiVersion: v1\n    kind: ConfigMap\n" +
			"    metadata: {name: syncer}\n    data:\n      syncer.yaml: |\n        " + strings.ReplaceAll(settings, "\n", "\n        ") + "\n"
		if err := y.Fork.Write("clusters/"+y.Cluster+"/patches/syncer/kustomization.yaml", text); err != nil {
			return "", err
		}
	}
	y.Commit, err = y.Fork.Publish(ctx, "Have what takes hours take minutes", y.Cluster)
	return "rounds of compactors and waits of hours take half a minute", err
}

// pager is the receiver: a pod that prints what it is told.
func (y *youth) pager(ctx context.Context) (string, error) {
	c := core.Container{Name: "pager", Image: image.Shell, Command: []string{"fetch", "-serve=:8080"}, ReadinessProbe: serves("/", 8080)}
	return "listens", y.Invite(ctx, Guest{Namespace: "oncall", Name: "pager", Containers: []core.Container{c}})
}

const (
	metricsRules = `groups:
- name: shop
  rules:
  - alert: QueueFull
    expr: max(queue_length) > 10
    labels: {severity: page}
    annotations: {summary: "{{ $value }} are waiting"}
`
	logsRules = `groups:
- name: shop
  rules:
  - alert: Panics
    expr: sum(count_over_time({app="pay"} |= "panic" [5m])) > 0
    labels: {severity: page}
    annotations: {summary: "the shop panics"}
`
	alertmanagerFile = `route: {receiver: pager, group_by: [alertname], group_wait: 1s, group_interval: 10s}
receivers:
- name: pager
  webhook_configs:
  - url: ${secret:pager/url}
    http_config: {authorization: {credentials: "${secret:pager/key}"}}
`
	pagerKey = "key-of-the-pager"
)

// merge is the pull request of a new team: limits, rules of both kinds, a receiver; and what the team does by hand.
func (y *youth) merge(ctx context.Context) (string, error) {
	if err := y.add(ctx); err != nil {
		return "", err
	}
	for name, text := range map[string]string{
		"rules/shop.yaml": metricsRules, "rules/logs/shop.yaml": logsRules, "alertmanager.yaml": alertmanagerFile,
	} {
		if err := y.Fork.Write("tenants/"+young+"/"+name, text); err != nil {
			return "", err
		}
	}
	before, err := y.everything(ctx)
	if err != nil {
		return "", err
	}
	y.merged = time.Now()
	if err := y.Publish(ctx, "Add tenant "+young); err != nil {
		return "", err
	}
	ready := time.Since(y.merged).Seconds()
	touched, err := y.touchedBy(ctx, before)
	if err != nil {
		return "", err
	}
	pod, err := y.Client.CoreV1().Pods("oncall").Get(ctx, "pager", meta.GetOptions{})
	if err != nil {
		return "", err
	}
	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: "pager"}, StringData: map[string]string{
		"url": "http://" + pod.Status.PodIP + ":8080/page", "key": pagerKey,
	}}
	if _, err := y.Client.CoreV1().Secrets("tenant-"+young).Create(ctx, secret, meta.CreateOptions{}); err != nil {
		return "", err
	}
	if y.keys[young], err = y.Token(ctx, young, readAndWrite); err != nil {
		return "", err
	}
	y.feed()
	return fmt.Sprintf("ready after %.0f s; of others: %s", ready, strings.Join(touched, ", ")), nil
}

// add makes the tenant's folder, of which the ID is new each time.
func (y *youth) add(ctx context.Context) error {
	if _, err := y.Fork.Run(ctx, "tenant", "add", young, "--owner", "@acme/"+young, "--clusters", y.Cluster, "--yes"); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(y.Fork.Dir, "tenants", young, "tenant.yaml"))
	if err != nil {
		return err
	}
	found := regexp.MustCompile(`(?m)^id: (\S+)$`).FindSubmatch(text)
	if found == nil {
		return errors.New("the new tenant.yaml has no id")
	}
	y.id = string(found[1])
	return nil
}

// feed writes what the rules fire on, until it is ended. What is refused is told by the rules, which do not fire.
func (y *youth) feed() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(y.t.Context()))
	y.feeding = cancel
	y.t.Cleanup(cancel)
	go func() {
		for ctx.Err() == nil {
			now := time.Now()
			_ = y.Door.WriteMetrics(ctx, y.keys[young], samplesOf("queue_length", 1, 20, now))
			_ = y.Door.WriteLogs(ctx, y.keys[young], map[string]string{"app": young}, linesOf(now, "panic: out of stock"))
			_ = pause(ctx, 2*time.Second)
		}
	}()
}

// fires waits until the pager was told of an alert, with the key from the Secret.
func (y *youth) fires(ctx context.Context, alert string) (string, error) {
	inForce := 0.0
	err := poll(ctx, func() error {
		if _, err := y.conditions(ctx); err == nil && inForce == 0 {
			inForce = time.Since(y.merged).Seconds()
		}
		told, err := y.Kubectl(ctx, "--namespace=oncall", "logs", "pager")
		if err != nil {
			return err
		}
		for line := range strings.Lines(told) {
			if strings.HasPrefix(line, `POST /page "Bearer `+pagerKey+`"`) && strings.Contains(line, `"alertname":"`+alert+`"`) {
				return nil
			}
		}
		return fmt.Errorf("the pager was told %d bytes, and nothing of %s", len(told), alert)
	})
	return fmt.Sprintf("%s at the receiver %.0f s after the merge; rules in force by %.0f s", alert, time.Since(y.merged).Seconds(), inForce), err
}

// limit lowers the tenant's limit by a commit, while it writes; nothing may restart.
func (y *youth) limit(ctx context.Context) (string, error) {
	y.feeding()
	before, err := y.podNames(ctx)
	if err != nil {
		return "", err
	}
	name := "tenants/" + young + "/tenant.yaml"
	text, err := os.ReadFile(filepath.Join(y.Fork.Dir, filepath.FromSlash(name)))
	if err != nil {
		return "", err
	}
	if err := y.Fork.Write(name, string(text)+"\nmetrics:\n  activeSeries: 100\n"); err != nil {
		return "", err
	}
	began := time.Now()
	if err := y.Publish(ctx, "Allow "+young+" 100 series"); err != nil {
		return "", err
	}
	applied := time.Since(began).Seconds()
	if err := poll(ctx, func() error {
		err := y.Door.WriteMetrics(ctx, y.keys[young], samplesOf("too_many_"+fmt.Sprint(time.Now().Unix()), 120, 1, time.Now()))
		var status *frontdoor.Status
		if errors.As(err, &status) && status.Code == 400 {
			return nil
		}
		return errors.Join(errors.New("the limit does not bite"), err)
	}); err != nil {
		return "", err
	}
	took := time.Since(began).Seconds()
	after, err := y.podNames(ctx)
	for pod := range before {
		if err == nil && !after[pod] {
			err = fmt.Errorf("pod %s was replaced for a limit", pod)
		}
	}
	return fmt.Sprintf("applied after %.0f s, bites after %.0f s, no restart", applied, took), err
}
