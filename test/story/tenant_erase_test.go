package story

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/frontdoor"
)

// own is how many series and lines each of the tenants writes that are counted later.
const own = 50

func samplesOf(name string, n int, value float64, at time.Time) []frontdoor.Sample {
	all := make([]frontdoor.Sample, n)
	for i := range all {
		all[i] = frontdoor.Sample{Labels: [][2]string{{"__name__", name}, {"number", fmt.Sprintf("%04d", i)}}, Value: value, Time: at}
	}
	return all
}

func linesOf(at time.Time, texts ...string) []frontdoor.Line {
	all := make([]frontdoor.Line, len(texts))
	for i, text := range texts {
		all[i] = frontdoor.Line{Time: at.Add(time.Duration(i) * time.Microsecond), Text: text}
	}
	return all
}

// ownOfYoung matches what belongs to the tenant, or holds everything in its namespace.
var ownOfYoung = regexp.MustCompile(` in tenant-` + young + `$|/tenant-` + young + `( in flux-system)?$`)

// sharedByTenants are the small entries outside a tenant's own objects that its coming and going change.
var sharedByTenants = regexp.MustCompile(`^(ConfigMap/(cortex-limits in cortex|loki-limits in loki|proxy-tenants(-[0-9a-f])? in proxy` +
	`|syncer-(tenants|erase|erasures) in syncer)|NetworkPolicy/proxy-callers in proxy|Kustomization/tenants-[0-9a-f] in flux-system` +
	`|ConfigMap/opsgen-sync-status in tenant-[a-z]+)$`)

// touchedBy lists the shared objects that changed since before, and complains of those of others that did.
func (y *youth) touchedBy(ctx context.Context, before map[string]string) ([]string, error) {
	after, err := y.everything(ctx)
	if err != nil {
		return nil, err
	}
	names := maps.Clone(before)
	maps.Copy(names, after)
	var changed []string
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(names)) {
		switch {
		case before[name] == after[name] || ownOfYoung.MatchString(name) || strings.HasSuffix(name, " in oncall"):
		case sharedByTenants.MatchString(name):
			changed = append(changed, name)
		default:
			problems = append(problems, fmt.Errorf("%s is another's and changed", name))
		}
	}
	return changed, errors.Join(problems...)
}

// write writes series and lines of two tenants, of which one is to be erased, and has both in the buckets.
func (y *youth) write(ctx context.Context) (string, error) {
	for _, tenant := range []string{young, team} {
		now := time.Now()
		texts := make([]string, own)
		for i := range texts {
			texts[i] = fmt.Sprintf("line %d", i)
		}
		if err := y.Door.WriteMetrics(ctx, y.keys[tenant], samplesOf("stock", own, 1, now)); err != nil {
			return "", fmt.Errorf("as %s: %w", tenant, err)
		}
		if err := y.Door.WriteLogs(ctx, y.keys[tenant], map[string]string{"app": "stock"}, linesOf(now, texts...)); err != nil {
			return "", fmt.Errorf("as %s: %w", tenant, err)
		}
	}
	for _, tenant := range []string{young, team} {
		if err := y.reads(ctx, tenant, own); err != nil {
			return "", err
		}
	}
	if err := y.flush(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d series and %d lines of each of two tenants; flushed", own, own), nil
}

// reads checks how many of the counted series and lines a tenant reads.
func (y *youth) reads(ctx context.Context, tenant string, want float64) error {
	return poll(ctx, func() error {
		series, err := y.Door.Count(ctx, y.keys[tenant], `count(count_over_time(stock[3h]))`, time.Now())
		if err != nil || series != want {
			return errors.Join(fmt.Errorf("%s reads %v series, want %v", tenant, series, want), err)
		}
		read, err := y.Door.CountLogs(ctx, y.keys[tenant], `sum(count_over_time({app="stock"}[3h]))`, time.Now())
		if err != nil || read != want {
			return errors.Join(fmt.Errorf("%s reads %v lines, want %v", tenant, read, want), err)
		}
		return nil
	})
}

// flush has ingesters write out what they hold, and Loki's its index, which leaves it when it ends.
func (y *youth) flush(ctx context.Context) error {
	for namespace, path := range map[string]string{"cortex": "/ingester/flush?wait=true", "loki": "/flush"} {
		address, stop, err := y.forward(ctx, namespace, "pod/"+namespace+"-0", 8080)
		if err != nil {
			return err
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, http.NoBody)
		if err != nil {
			return err
		}
		request.Header.Set("X-Scope-OrgID", "anybody")
		response, err := http.DefaultClient.Do(request)
		stop()
		if err != nil {
			return fmt.Errorf("flushing %s: %w", namespace, err)
		}
		_ = response.Body.Close() // only its status counts
		if response.StatusCode/100 != 2 {
			return fmt.Errorf("flushing %s: %s", namespace, response.Status)
		}
	}
	return y.restart(ctx)
}

// restart ends Cortex' and Loki's pods, and waits for the new ones.
func (y *youth) restart(ctx context.Context) error {
	for _, namespace := range []string{"cortex", "loki"} {
		pods := y.Client.CoreV1().Pods(namespace)
		old, err := pods.Get(ctx, namespace+"-0", meta.GetOptions{})
		if err != nil {
			return err
		}
		if err := pods.Delete(ctx, old.Name, meta.DeleteOptions{}); err != nil {
			return err
		}
		if err := poll(ctx, func() error {
			pod, err := pods.Get(ctx, old.Name, meta.GetOptions{})
			if err != nil || pod.UID == old.UID {
				return errors.Join(fmt.Errorf("%s is not back", old.Name), err)
			}
			for _, c := range pod.Status.Conditions {
				if c.Type == "Ready" && c.Status == "True" {
					return nil
				}
			}
			return fmt.Errorf("%s is not ready", old.Name)
		}); err != nil {
			return err
		}
	}
	return nil
}

// forward opens a way to a port of a pod or Service, as kubectl does for people: past the network policies. It answers the
// local address, and what closes it.
func (y *youth) forward(ctx context.Context, namespace, target string, port int) (string, func(), error) {
	command := exec.CommandContext(ctx, y.kubectl, "--kubeconfig="+y.Bed.Kubeconfig(), "--namespace="+namespace,
		"port-forward", "--address=127.0.0.1", target, fmt.Sprintf(":%d", port))
	out, err := command.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	stop := func() {
		_ = command.Process.Kill() // it may have ended
		_ = command.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address, _, found := strings.Cut(strings.TrimPrefix(line, "Forwarding from "), " ")
	if err != nil || !found {
		stop()
		return "", nil, fmt.Errorf("forwarding to %s/%s: %q: %w", namespace, target, line, err)
	}
	return address, stop, nil
}

// remove takes the tenant out of Git. Its agents are refused, and others' objects stay as they are.
func (y *youth) remove(ctx context.Context) (string, error) {
	before, err := y.everything(ctx)
	if err != nil {
		return "", err
	}
	if _, err := y.Fork.Run(ctx, "tenant", "remove", young, "--erase", "--yes"); err == nil {
		return "", errors.New("a tenant that is in Git can be erased")
	}
	if _, err := y.Fork.Run(ctx, "tenant", "remove", young, "--yes"); err != nil {
		return "", err
	}
	began := time.Now()
	if err := y.Publish(ctx, "Remove tenant "+young); err != nil {
		return "", err
	}
	if err := poll(ctx, func() error {
		err := y.Door.WriteMetrics(ctx, y.keys[young], samplesOf("stock", 1, 1, time.Now()))
		var status *frontdoor.Status
		if errors.As(err, &status) && status.Code == 401 {
			return nil
		}
		return errors.Join(errors.New("its agents are not refused"), err)
	}); err != nil {
		return "", err
	}
	refused := time.Since(began).Seconds()
	if err := poll(ctx, func() error {
		_, err := y.Client.AppsV1().Deployments("tenant-"+young).Get(ctx, "grafana", meta.GetOptions{})
		if !apierrors.IsNotFound(err) {
			return errors.Join(errors.New("its Grafana is still there"), err)
		}
		return nil
	}); err != nil {
		return "", err
	}
	touched, err := y.touchedBy(ctx, before)
	y.old = y.id
	return fmt.Sprintf("refused after %.0f s; of others: %s", refused, strings.Join(touched, ", ")), err
}

// erased runs `opsgen tenant erased` for the old tenant, over a port-forward.
func (y *youth) erased(ctx context.Context) (string, error) {
	secret, err := y.Client.CoreV1().Secrets("object-store").Get(ctx, "object-store", meta.GetOptions{})
	if err != nil {
		return "", err
	}
	address, stop, err := y.forward(ctx, "object-store", "service/object-store", 7070)
	if err != nil {
		return "", err
	}
	defer stop()
	before := y.Fork.Env
	defer func() { y.Fork.Env = before }()
	y.Fork.Env = append(slices.Clone(before), "AWS_ACCESS_KEY_ID="+string(secret.Data["access-key"]), "AWS_SECRET_ACCESS_KEY="+string(secret.Data["secret-key"]))
	return y.Fork.Run(ctx, "tenant", "erased", young, "--id", y.old, "--cluster", y.Cluster, "--endpoint", "http://"+address)
}

// stays looks for the data of the removed tenant where it was.
func (y *youth) stays(ctx context.Context) (string, error) {
	left, err := y.erased(ctx)
	for _, what := range []string{"blocks of metrics", "chunks of logs", "index of logs"} {
		if err == nil || !strings.Contains(left, what) {
			return "", fmt.Errorf("%s went with the removal: %s %w", what, left, err)
		}
	}
	return fmt.Sprintf("%d places of the buckets hold its data", strings.Count(left, "\n")), nil
}

// again makes a new tenant of the name. It reads nothing of the old one.
func (y *youth) again(ctx context.Context) (string, error) {
	if err := y.add(ctx); err != nil {
		return "", err
	}
	if y.id == y.old {
		return "", errors.New("the new tenant has the old one's ID")
	}
	if err := y.Publish(ctx, "Add another tenant "+young); err != nil {
		return "", err
	}
	// The old token is good for the new tenant, as the removal says; what it reads is the new one's.
	if err := y.reads(ctx, young, 0); err != nil {
		return "", err
	}
	if err := y.Door.WriteMetrics(ctx, y.keys[young], samplesOf("stock", own, 1, time.Now())); err != nil {
		return "", err
	}
	texts := slices.Repeat([]string{"the new one's line"}, own)
	for i := range texts {
		texts[i] += fmt.Sprint(i)
	}
	if err := y.Door.WriteLogs(ctx, y.keys[young], map[string]string{"app": "stock"}, linesOf(time.Now(), texts...)); err != nil {
		return "", err
	}
	return "reads nothing of " + y.old + ", and what it writes itself", y.reads(ctx, young, own)
}

// erase marks the old tenant, and waits until Cortex and Loki show nothing of it.
func (y *youth) erase(ctx context.Context) (string, error) {
	before, err := y.everything(ctx)
	if err != nil {
		return "", err
	}
	if _, err := y.Fork.Run(ctx, "tenant", "remove", young, "--erase", "--id", y.old, "--yes"); err != nil {
		return "", err
	}
	began := time.Now()
	if err := y.Publish(ctx, "Erase the data of the old "+young); err != nil {
		return "", err
	}
	if err := y.record(ctx, "metricsAsked", "logsAsked"); err != nil {
		return "", err
	}
	asked := time.Since(began).Seconds()
	// Ingesters look for Cortex' mark once an hour, and when they start; Loki's write out their index within a quarter of one.
	if err := y.restart(ctx); err != nil {
		return "", err
	}
	if err := y.record(ctx, "state: Erased"); err != nil {
		return "", err
	}
	took := time.Since(began).Seconds()
	after, err := y.everything(ctx)
	if err != nil {
		return "", err
	}
	for _, tenant := range []string{young, team} {
		for name, version := range before {
			// The status tells that Cortex was away.
			status := strings.HasPrefix(name, "ConfigMap/opsgen-sync-status ")
			if strings.HasSuffix(name, " in tenant-"+tenant) && after[name] != version && !status {
				return "", fmt.Errorf("%s changed for the erasure of another", name)
			}
		}
	}
	return fmt.Sprintf("asked after %.0f s, shown by nobody after %.0f s", asked, took), nil
}

// record waits until the syncer's record of the old tenant says all that is wanted.
func (y *youth) record(ctx context.Context, want ...string) error {
	return poll(ctx, func() error {
		m, err := y.Client.CoreV1().ConfigMaps("syncer").Get(ctx, "syncer-erasures", meta.GetOptions{})
		if err != nil {
			return err
		}
		for _, text := range want {
			if !strings.Contains(strings.Join(strings.Fields(m.Data[y.old]), " "), text) {
				return fmt.Errorf("the record says %s", m.Data[y.old])
			}
		}
		if len(m.Data) != 1 {
			return fmt.Errorf("%d tenants are being erased", len(m.Data))
		}
		return nil
	})
}

// buckets waits until nothing is left, Cortex' own mark included.
func (y *youth) buckets(ctx context.Context) (string, error) {
	text := ""
	err := poll(ctx, func() error {
		var err error
		text, err = y.erased(ctx)
		return err
	})
	return strings.TrimSpace(text), err
}

// others checks that a tenant whose name begins alike, and the new one of the same name, have all that they wrote.
func (y *youth) others(ctx context.Context) (string, error) {
	for _, tenant := range []string{young, team} {
		if err := y.reads(ctx, tenant, own); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s and the new %s read all that they wrote", team, young), nil
}

// forget removes the tenant once more, and then by hand what stays, as docs/operations/removing-a-tenant.md says.
func (y *youth) forget(ctx context.Context) (string, error) {
	if _, err := y.remove(ctx); err != nil {
		return "", err
	}
	for _, command := range []string{
		"--namespace=flux-system wait --for=delete kustomization/tenant-" + young + " --timeout=3m",
		"delete namespace tenant-" + young + " --timeout=3m",
		"--namespace=flux-system delete serviceaccount tenant-" + young,
	} {
		if _, err := y.Kubectl(ctx, strings.Fields(command)...); err != nil {
			return "", err
		}
	}
	if err := flux.Reconcile(ctx, y.Dynamic, "cluster", "crds-namespaces"); err != nil {
		return "", err
	}
	all, err := y.everything(ctx)
	if err != nil {
		return "", err
	}
	for name := range all {
		if ownOfYoung.MatchString(name) {
			return "", fmt.Errorf("%s is still there, or came back", name)
		}
	}
	return "nothing named " + young + " is in the cluster", nil
}
