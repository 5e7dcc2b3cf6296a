package story

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/frontdoor"
)

// walled lists what only the proxy, or a part of the platform, may call: every port of the pods and Services with data in
// them, of every tenant's Grafana, and of the proxy all but its two doors. The pods are ready, so that their ports listen.
func (s *Story) walled(ctx context.Context) ([]string, error) {
	var found []string
	for _, namespace := range []string{"cortex", "loki", "object-store", "syncer", "proxy", "tenant-" + team, "tenant-" + other} {
		pods, err := s.Client.CoreV1().Pods(namespace).List(ctx, meta.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("listing pods: %w", err)
		}
		for i := range pods.Items {
			for _, c := range pods.Items[i].Spec.Containers {
				for _, port := range c.Ports {
					if namespace != "proxy" || port.Name == "admin" {
						found = append(found, net.JoinHostPort(pods.Items[i].Status.PodIP, strconv.Itoa(int(port.ContainerPort))))
					}
				}
			}
		}
		services, err := s.Client.CoreV1().Services(namespace).List(ctx, meta.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("listing services: %w", err)
		}
		for i := range services.Items {
			for _, port := range services.Items[i].Spec.Ports {
				if address := services.Items[i].Spec.ClusterIP; namespace != "proxy" && address != core.ClusterIPNone {
					found = append(found, net.JoinHostPort(address, strconv.Itoa(int(port.Port))))
				}
			}
		}
	}
	return found, nil
}

// intruders are pods that try the walls: from where the cluster knows nobody, in the proxy's clothes; from a team's own
// namespace; from a tenant's; and from those of the data's programs, where somebody came in who is none of them.
func intruders() []Guest {
	var guests []Guest
	for _, namespace := range []string{"elsewhere", team, "tenant-" + team, "cortex", "loki"} {
		g := Guest{Namespace: namespace, Name: "intruder", Containers: []core.Container{shell()}}
		if namespace == "elsewhere" {
			g.Labels = map[string]string{"app.kubernetes.io/name": "proxy", "app.kubernetes.io/component": "proxy"}
		}
		guests = append(guests, g)
	}
	return guests
}

// isolation tries each wall from each intruder. The only way in is the proxy.
func (s *Story) isolation(ctx context.Context) (string, error) {
	walled, err := s.walled(ctx)
	if err != nil {
		return "", err
	}
	guests := intruders()
	if err := s.Invite(ctx, guests...); err != nil {
		return "", err
	}
	script := "for address in " + strings.Join(walled, " ") + `; do
  { answer=$(fetch -timeout=3s "http://$address/" 2>&1)
    case "$answer" in *"dial tcp"*) ;; *) echo "$address: $answer" ;; esac; } &
done
wait`
	var problems []error
	for _, g := range guests {
		answer, err := s.Kubectl(ctx, "--namespace="+g.Namespace, "exec", g.Name, "--", "sh", "-c", script)
		if err != nil || strings.TrimSpace(answer) != "" {
			problems = append(problems, errors.Join(fmt.Errorf("from %s: %.1000s", g.Namespace, answer), err))
		}
		if err := s.Client.CoreV1().Pods(g.Namespace).Delete(ctx, g.Name, meta.DeleteOptions{}); err != nil {
			problems = append(problems, err)
		}
	}
	return fmt.Sprintf("%d addresses from %d namespaces, none reached", len(walled), len(guests)), errors.Join(problems...)
}

// pretence is a client that says it were another tenant. It writes and reads its own data, whatever it says.
func (s *Story) pretence(ctx context.Context, tokens map[string]string) (string, error) {
	now := time.Now()
	for i, name := range []string{"X-Scope-OrgID", "X-Scope-Orgid", "x_scope_orgid"} {
		header := http.Header{name: {other}, "Content-Type": {"application/json"}}
		line := fmt.Sprintf(`{"streams":[{"stream":{"app":"pretence"},"values":[["%d","as %s"]]}]}`, now.UnixNano()+int64(i), name)
		if _, err := s.Door.Do(ctx, http.MethodPost, "logs", "/loki/api/v1/push", tokens[team], header, []byte(line)); err != nil {
			return "", err
		}
		answer, err := s.Door.Do(ctx, http.MethodGet, "metrics", "/api/v1/query?query=count(prometheus_build_info)", tokens[team], header, nil)
		if err != nil || strings.Contains(string(answer), `"result":[]`) {
			return "", errors.Join(fmt.Errorf("%s as %s does not read its own data: %s", team, name, answer), err)
		}
	}
	for tenant, want := range map[string]float64{team: 3, other: 0} {
		got, err := s.Door.CountLogs(ctx, tokens[tenant], `sum(count_over_time({app="pretence"}[1h]))`, time.Now())
		if err != nil || got != want {
			return "", errors.Join(fmt.Errorf("%s has %v lines, want %v", tenant, got, want), err)
		}
	}
	return "a client that names another tenant stays itself", nil
}

// refusals are what a client gets that is not let in: the status, and an error in the format of what it called.
func (s *Story) refusals(ctx context.Context, tokens map[string]string, expired string) (string, error) {
	writer, err := s.Token(ctx, team, "metrics:write")
	if err != nil {
		return "", err
	}
	const query = "/api/v1/query?query=up"
	for {
		if _, err := s.Door.Do(ctx, http.MethodGet, "metrics", query, expired, nil, nil); err != nil {
			break // As it is to be; the table says so.
		}
		if err := pause(ctx, time.Second); err != nil {
			return "", fmt.Errorf("waiting for a token to expire: %w", err)
		}
	}
	var problems []error
	for _, try := range []struct {
		what, host, path, token string
		code                    int
		words                   []string
	}{
		{"no token", "metrics", query, "", 401, []string{`"status":"error"`, `"errorType":"unauthorized"`, "request "}},
		{"no token", "logs", "/loki/api/v1/labels", "", 401, []string{"request "}},
		{"a word", "metrics", query, "password", 401, []string{`"status":"error"`}},
		{"a token of other scopes", "metrics", query, writer, 403, []string{`"status":"error"`, "metrics:read"}},
		{"an expired token", "metrics", query, expired, 401, []string{`"status":"error"`, "expired"}},
		{"a token that somebody changed", "metrics", query, tokens[team] + "x", 401, []string{`"status":"error"`}},
		// Tenants' hosts are for people, and this cluster has no login for them: a token opens neither.
		{"a token at its tenant's host", team, "/api/datasources", tokens[team], 404, []string{"No login is set up"}},
		{"a token at another tenant's host", other, "/api/datasources", tokens[team], 404, []string{"No login is set up"}},
		{"a host of nobody", "nobody", "/", tokens[team], 404, nil},
		{"a page of Cortex", "metrics", "/ring", tokens[team], 404, []string{`"status":"error"`}},
		{"a method that is none here", "metrics", "/api/v1/push", tokens[team], 405, []string{`"status":"error"`}},
	} {
		_, err := s.Door.Do(ctx, http.MethodGet, try.host, try.path, try.token, nil, nil)
		var status *frontdoor.Status
		if !errors.As(err, &status) || status.Code != try.code {
			problems = append(problems, fmt.Errorf("%s at %s: %v, want status %d", try.what, try.host, err, try.code))
			continue
		}
		for _, word := range try.words {
			if !strings.Contains(status.Body, word) {
				problems = append(problems, fmt.Errorf("%s at %s: %s, want %s in it", try.what, try.host, status.Body, word))
			}
		}
	}
	return "as documented", errors.Join(problems...)
}
