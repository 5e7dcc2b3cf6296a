package tenantsource

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/opsgen/opsgen/syncer/config"
	"github.com/opsgen/opsgen/syncer/ruler"
)

// alertmanagerFile is the key of the configuration; the others are templates.
const alertmanagerFile = "alertmanager.yaml"

// Reader reads tenants' objects.
type Reader struct {
	// API reads from the API server itself and not from a cache.
	API client.Reader
	// Operator says whether the cluster knows PrometheusRules; nil is no.
	Operator func() bool

	prefix, logsPrefix          string
	metrics, logs, alertmanager labels.Selector
}

// NewReader parses the selectors of s, which are valid (config.Config.Validate).
func NewReader(api client.Reader, operator func() bool, s config.Sources) (*Reader, error) {
	r := &Reader{API: api, Operator: operator, prefix: s.RulePrefix, logsPrefix: s.LogsRulePrefix}
	for _, selector := range []struct {
		into *labels.Selector
		text string
	}{{&r.metrics, s.MetricsRules}, {&r.logs, s.LogsRules}, {&r.alertmanager, s.Alertmanager}} {
		parsed, err := labels.Parse(selector.text)
		if err != nil {
			return nil, fmt.Errorf("read the selector %q: %w", selector.text, err)
		}
		*selector.into = parsed
	}
	return r, nil
}

// Read reads everything of a tenant. An error means that nothing may be concluded: what was not read may well exist.
func (r *Reader) Read(ctx context.Context, namespaces []string) (Content, error) {
	var c Content
	for _, namespace := range slices.Sorted(slices.Values(namespaces)) {
		for _, part := range []struct {
			selector labels.Selector
			take     func(*core.ConfigMap)
		}{
			{r.metrics, func(m *core.ConfigMap) { r.rules(&c.Metrics, ruler.Metrics, m) }},
			{r.logs, func(m *core.ConfigMap) { r.rules(&c.Logs, ruler.Logs, m) }},
			{r.alertmanager, c.alerting},
		} {
			var found core.ConfigMapList
			err := r.API.List(ctx, &found, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: part.selector})
			if err != nil {
				return Content{}, fmt.Errorf("list the ConfigMaps of namespace %s: %w", namespace, err)
			}
			slices.SortFunc(found.Items, func(a, b core.ConfigMap) int { return strings.Compare(a.Name, b.Name) })
			for i := range found.Items {
				part.take(&found.Items[i])
			}
		}
		if r.Operator != nil && r.Operator() {
			if err := r.prometheusRules(ctx, &c.Metrics, namespace); err != nil {
				return Content{}, err
			}
		}
	}
	return c, nil
}

// rules takes every key of a ConfigMap as a rule file.
func (r *Reader) rules(into *Rules, kind ruler.Kind, m *core.ConfigMap) {
	o := configMap(m)
	into.object(o)
	prefix := r.prefix
	if kind == ruler.Logs {
		prefix = r.logsPrefix
	}
	for _, name := range slices.Sorted(maps.Keys(m.Data)) {
		groups, err := ruler.File(kind, []byte(m.Data[name]))
		if err != nil {
			into.fail(o, Invalid, name+": "+oneLine(err))
			continue
		}
		into.add(o, prefix+strings.TrimSuffix(strings.TrimSuffix(name, ".yml"), ".yaml"), groups)
	}
	for name := range m.BinaryData {
		into.fail(o, Invalid, name+": it is no UTF-8 text")
	}
}

// alerting takes a ConfigMap as the tenant's configuration. A tenant has one.
func (c *Content) alerting(m *core.ConfigMap) {
	o := configMap(m)
	if c.Alerting != nil {
		c.Problems = append(c.Problems, Problem{o, Duplicate, "the tenant's configuration is already " + c.Alerting.Object.String() + "; remove one of the two"})
		return
	}
	a := &Alerting{Object: o, Text: m.Data[alertmanagerFile]}
	c.Alerting = a
	if strings.TrimSpace(a.Text) == "" {
		c.Problems = append(c.Problems, Problem{o, Invalid, "it has no key " + alertmanagerFile})
	}
	for name, text := range m.Data {
		switch {
		case name == alertmanagerFile:
		case strings.HasSuffix(name, ".tmpl"):
			if a.Templates == nil {
				a.Templates = map[string]string{}
			}
			a.Templates[name] = text
		default:
			c.Problems = append(c.Problems, Problem{o, Invalid, name + " is neither " + alertmanagerFile + " nor a template (NAME.tmpl)"})
		}
	}
}

// SecretError says that a Secret or a key does not exist or may not be used: a person must do something about it.
type SecretError struct{ message string }

// Error says which Secret, and never its value.
func (e *SecretError) Error() string { return e.message }

func unusable(format string, args ...any) error { return &SecretError{fmt.Sprintf(format, args...)} }

// Secret is one value of a Secret in a tenant's namespace. The error is a *SecretError, or the API
// server's.
//
// The threat is a tenant that names a Secret which is in its namespace but not its own, and has it sent to an address
// of its choice: a service account's token, the cluster's authority, or what the syncer itself made.
func (r *Reader) Secret(ctx context.Context, namespace, name, key string) (string, error) {
	var found core.Secret
	err := r.API.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &found)
	switch {
	case apierrors.IsNotFound(err):
		return "", unusable("secret %s/%s is missing", namespace, name)
	case err != nil:
		return "", fmt.Errorf("read secret %s/%s: %w", namespace, name, err)
	case found.Type != core.SecretTypeOpaque && found.Type != "":
		return "", unusable("secret %s/%s has the type %s; only secrets of type Opaque are read", namespace, name, found.Type)
	case found.Labels["app.kubernetes.io/managed-by"] == "opsgen-syncer":
		return "", unusable("secret %s/%s is the platform's; name one of your own", namespace, name)
	case len(found.Data[key]) == 0:
		return "", unusable("secret %s/%s has no key %s", namespace, name, key)
	}
	return string(found.Data[key]), nil
}

func configMap(m *core.ConfigMap) Object {
	return Object{Kind: "ConfigMap", Namespace: m.Namespace, Name: m.Name, UID: string(m.UID)}
}

func uid(text string) types.UID { return types.UID(text) }

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
