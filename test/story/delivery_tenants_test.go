package story

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/opsgen/opsgen/test/flux"
)

// newcomer is a tenant that comes and goes.
const newcomer = "orders"

// shared are the small entries outside a tenant's own objects that its coming and going change, by a pattern for each. An
// object that changed and is none of these is a tenant's effect on somebody else.
var shared = []struct{ object, why string }{
	{`ConfigMap/cortex-limits in cortex`, "the limits of all tenants"},
	{`ConfigMap/loki-limits in loki`, "the limits of all tenants"},
	{`ConfigMap/proxy-tenants-[0-9a-f] in proxy`, "who comes in at the front door"},
	{`ConfigMap/syncer-tenants in syncer`, "the data's ID, where it is not the name"},
	{`NetworkPolicy/proxy-callers in proxy`, "from where a tenant's Grafana comes in"},
	{`Kustomization/tenants-[0-9a-f] in flux-system`, "a sixteenth of all tenants"},
}

// leftOut are kinds that change by themselves, or that are only another view of one that is looked at.
var leftOut = []string{"Lease", "Event", "Node", "Endpoints", "ComponentStatus", "IPAddress"}

// ownOf matches what belongs to the newcomer, or holds everything in its namespace.
var ownOf = regexp.MustCompile(` in tenant-` + newcomer + `$|/tenant-` + newcomer + `( in flux-system)?$`)

// addTenant adds a tenant by a commit. What belongs to others must not be written.
func (l *life) addTenant(ctx context.Context) (string, error) {
	before, err := l.everything(ctx)
	if err != nil {
		return "", err
	}
	if _, err := l.Fork.Run(ctx, "tenant", "add", newcomer, "--owner", "@acme/orders", "--clusters", l.Cluster, "--yes"); err != nil {
		return "", err
	}
	began := time.Now()
	if err := l.Publish(ctx, "Add tenant "+newcomer); err != nil {
		return "", err
	}
	took := time.Since(began).Seconds()
	if _, err := l.Client.AppsV1().Deployments("tenant-"+newcomer).Get(ctx, "grafana", meta.GetOptions{}); err != nil {
		return "", fmt.Errorf("looking for the new tenant's Grafana: %w", err)
	}
	touched, err := l.touched(ctx, before)
	return fmt.Sprintf("ready after %.0f s; of others: %s", took, strings.Join(touched, ", ")), err
}

// removeTenant takes the tenant out of Git. Its objects go, what may hold data or is needed for deleting stays.
func (l *life) removeTenant(ctx context.Context) (string, error) {
	before, err := l.everything(ctx)
	if err != nil {
		return "", err
	}
	if _, err := l.Fork.Run(ctx, "tenant", "remove", newcomer, "--yes"); err != nil {
		return "", err
	}
	if err := l.Publish(ctx, "Remove tenant "+newcomer); err != nil {
		return "", err
	}
	namespace := "tenant-" + newcomer
	if err := poll(ctx, func() error {
		all, err := l.everything(ctx)
		if err != nil {
			return err
		}
		for name := range all {
			for _, kind := range []string{"Deployment/", "Pod/", "Service/", "NetworkPolicy/grafana", "ServiceAccount/grafana", "ConfigMap/grafana", "Certificate/"} {
				if strings.HasPrefix(name, kind) && strings.HasSuffix(name, " in "+namespace) {
					return fmt.Errorf("%s is still there", name)
				}
			}
		}
		if _, there := all["Kustomization/"+namespace+" in "+flux.Namespace]; there {
			return errors.New("the tenant's Kustomization is still there")
		}
		for _, name := range []string{"Namespace/" + namespace, "NetworkPolicy/default-deny in " + namespace} {
			if _, there := all[name]; !there {
				return fmt.Errorf("%s went, and was to stay", name)
			}
		}
		return nil
	}); err != nil {
		return "", err
	}
	touched, err := l.touched(ctx, before)
	return "its objects are gone, its namespace is not; of others: " + strings.Join(touched, ", "), err
}

// touched lists the shared objects that changed since before, and complains of those of others that did.
func (l *life) touched(ctx context.Context, before map[string]string) ([]string, error) {
	after, err := l.everything(ctx)
	if err != nil {
		return nil, err
	}
	names := maps.Clone(before)
	maps.Copy(names, after)
	var changed []string
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before[name] == after[name] || ownOf.MatchString(name) {
			continue
		}
		expected := slices.ContainsFunc(shared, func(s struct{ object, why string }) bool {
			return regexp.MustCompile("^" + s.object + "$").MatchString(name)
		})
		if expected {
			changed = append(changed, name)
		} else {
			problems = append(problems, fmt.Errorf("%s is another's and changed", name))
		}
	}
	return changed, errors.Join(problems...)
}

// everything answers the resource version of each object in the cluster, but for the status of Flux's own objects, which
// names the commit.
func (l *life) everything(ctx context.Context) (map[string]string, error) {
	lists, err := l.Client.Discovery().ServerPreferredResources()
	if err != nil {
		return nil, fmt.Errorf("listing kinds: %w", err)
	}
	versions := map[string]string{}
	for _, list := range lists {
		for _, kind := range list.APIResources {
			if !slices.Contains(kind.Verbs, "list") || slices.Contains(leftOut, kind.Kind) {
				continue
			}
			resource, err := l.resource(list.GroupVersion, kind.Name)
			if err != nil {
				return nil, err
			}
			found, err := resource.List(ctx, meta.ListOptions{})
			if err != nil {
				return nil, fmt.Errorf("listing %s: %w", kind.Name, err)
			}
			for i := range found.Items {
				o := &found.Items[i]
				versions[Object{Unstructured: o}.String()] = versionOf(o)
			}
		}
	}
	return versions, nil
}

func versionOf(o *unstructured.Unstructured) string {
	if o.GetKind() == "Kustomization" || o.GetKind() == "GitRepository" {
		return applied(o)
	}
	return o.GetResourceVersion()
}

// tenantAccount tries what the account of a tenant's reconciler may do. A tenant's folder is written by the tenant: whoever
// could reach further through it would own the cluster.
func (l *life) tenantAccount(ctx context.Context) (string, error) {
	account := "tenant-" + team
	minutes := int64(600)
	token, err := l.Client.CoreV1().ServiceAccounts(flux.Namespace).CreateToken(ctx, account, &authentication.TokenRequest{
		Spec: authentication.TokenRequestSpec{ExpirationSeconds: &minutes},
	}, meta.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("getting a token of %s: %w", account, err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", l.Bed.Kubeconfig())
	if err != nil {
		return "", err
	}
	config.CertData, config.KeyData, config.CertFile, config.KeyFile = nil, nil, "", ""
	config.BearerToken = token.Status.Token
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", err
	}
	if err := l.tryAccount(ctx, client, account); err != nil {
		return "", err
	}
	asked, err := l.reviewAccount(ctx, account)
	return fmt.Sprintf("works in its namespace; tried and refused elsewhere; %d questions answered no", asked), err
}

func (l *life) tryAccount(ctx context.Context, client kubernetes.Interface, account string) error {
	text := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "tried"}}
	dry := meta.CreateOptions{DryRun: []string{meta.DryRunAll}}
	// The rest would prove nothing of an account that may do nothing at all.
	if _, err := client.CoreV1().ConfigMaps(account).Create(ctx, text, dry); err != nil {
		return fmt.Errorf("%s in its own namespace: %w", account, err)
	}
	binding := &rbac.RoleBinding{
		ObjectMeta: meta.ObjectMeta{Name: "tried"}, RoleRef: rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects: []rbac.Subject{{Kind: "ServiceAccount", Name: account, Namespace: flux.Namespace}},
	}
	tries := map[string]error{}
	_, tries["write into another tenant"] = client.CoreV1().ConfigMaps("tenant-"+other).Create(ctx, text, dry)
	_, tries["write into the platform"] = client.CoreV1().ConfigMaps("cortex").Create(ctx, text, dry)
	_, tries["write beside Flux"] = client.CoreV1().ConfigMaps(flux.Namespace).Create(ctx, text, dry)
	_, tries["read its own secrets"] = client.CoreV1().Secrets(account).List(ctx, meta.ListOptions{})
	_, tries["read the tokens' key"] = client.CoreV1().Secrets("proxy").Get(ctx, "proxy-signing", meta.GetOptions{})
	_, tries["read another tenant"] = client.CoreV1().ConfigMaps("tenant-"+other).List(ctx, meta.ListOptions{})
	_, tries["give itself rights"] = client.RbacV1().RoleBindings(account).Create(ctx, binding, dry)
	_, tries["make a namespace"] = client.CoreV1().Namespaces().Create(ctx,
		&core.Namespace{ObjectMeta: meta.ObjectMeta{Name: "tried"}}, dry)
	_, tries["become another account"] = client.CoreV1().ServiceAccounts(account).CreateToken(ctx, "grafana",
		&authentication.TokenRequest{}, meta.CreateOptions{})
	for what, err := range tries {
		if !apierrors.IsForbidden(err) {
			return fmt.Errorf("%s tried to %s and was not forbidden: %w", account, what, errors.Join(err, errors.New("no refusal")))
		}
	}
	return nil
}

// reviewAccount asks the API server for each kind, verb and namespace but its own.
func (l *life) reviewAccount(ctx context.Context, account string) (int, error) {
	lists, err := l.Client.Discovery().ServerPreferredResources()
	if err != nil {
		return 0, fmt.Errorf("listing kinds: %w", err)
	}
	asked := 0
	for _, list := range lists {
		group, _, found := strings.Cut(list.GroupVersion, "/")
		if !found {
			group = ""
		}
		for _, kind := range list.APIResources {
			for _, namespace := range []string{"", flux.Namespace, "tenant-" + other, "cortex"} {
				if !kind.Namespaced && namespace != "" {
					continue
				}
				for _, verb := range []string{"list", "patch"} {
					if !slices.Contains(kind.Verbs, verb) {
						continue
					}
					asked++
					if err := l.refused(ctx, account, authorization.ResourceAttributes{
						Namespace: namespace, Verb: verb, Group: group, Resource: kind.Name,
					}); err != nil {
						return 0, err
					}
				}
			}
		}
	}
	return asked, nil
}

func (l *life) refused(ctx context.Context, account string, attributes authorization.ResourceAttributes) error {
	review, err := l.Client.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorization.SubjectAccessReview{
		Spec: authorization.SubjectAccessReviewSpec{
			User:               "system:serviceaccount:" + flux.Namespace + ":" + account,
			Groups:             []string{"system:serviceaccounts", "system:serviceaccounts:" + flux.Namespace, "system:authenticated"},
			ResourceAttributes: &attributes,
		},
	}, meta.CreateOptions{})
	if err == nil && review.Status.Allowed {
		err = fmt.Errorf("%s may %s %s in %q: %s", account, attributes.Verb, attributes.Resource, attributes.Namespace, review.Status.Reason)
	}
	return err
}

// brokenTenant writes what the API server refuses into one tenant's folder, and a change of another tenant beside it.
func (l *life) brokenTenant(ctx context.Context) (string, error) {
	if err := l.setLimit(100006); err != nil {
		return "", err
	}
	if _, err := l.Fork.Run(ctx, "render", l.Cluster); err != nil {
		return "", err
	}
	name := "clusters/" + l.Cluster + "/rendered/tenants/" + team + "/configmap-grafana.yaml"
	if err := l.Fork.Edit(name, "\ndata:\n", "\ndata:\n  broken: {not: text}\n"); err != nil {
		return "", err
	}
	if err := l.push(ctx, "Break a tenant's folder"); err != nil {
		return "", err
	}
	if err := l.othersGoOn(ctx, "tenant-"+team, `ConfigMap/tenant-`+team+`/grafana`); err != nil {
		return "", err
	}
	began := time.Now()
	if err := l.back(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("named, and no other waits; mended in %.0f s", time.Since(began).Seconds()), nil
}

// othersGoOn waits until the newest commit is ready everywhere but in one unit that nothing depends on.
func (l *life) othersGoOn(ctx context.Context, broken, says string) error {
	pattern := regexp.MustCompile(says)
	return flux.Await(ctx, l.Dynamic, func(all []flux.Unit) error {
		rest := slices.DeleteFunc(slices.Clone(all), func(u flux.Unit) bool { return u.Name == broken })
		if len(rest) != len(all)-1 {
			return fmt.Errorf("there is no unit %s", broken)
		}
		for _, u := range all {
			if u.Name == broken && (u.Ready || u.Attempted != l.Commit || !pattern.MatchString(u.Message)) {
				return fmt.Errorf("%s is not broken as expected: %s: %s", u.Name, u.Reason, u.Message)
			}
		}
		return flux.ReadyAt(l.Commit, len(rest))(rest)
	})
}
