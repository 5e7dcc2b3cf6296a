package alerting

import (
	"net/url"
	"reflect"
	"strings"

	"github.com/prometheus/alertmanager/config"
	commoncfg "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"
)

// isSecret says that a type is one that Alertmanager hides.
func isSecret(typ reflect.Type) bool {
	switch typ {
	case reflect.TypeFor[config.Secret](), reflect.TypeFor[config.SecretURL](), reflect.TypeFor[config.SecretTemplateURL](), reflect.TypeFor[commoncfg.Secret]():
		return true
	}
	return false
}

func isURL(typ reflect.Type) bool {
	return typ == reflect.TypeFor[config.URL]() || typ == reflect.TypeFor[commoncfg.URL]()
}

// secret refuses a secret that is written out. The threat: what was once in Git is in every clone for ever.
func (t *text) secret(node *yaml.Node, typ reflect.Type, path string) {
	switch {
	case node.Kind != yaml.ScalarNode:
		return // Alertmanager's parser says what is wrong
	case node.Value == "", hasReference(node.Value):
	case typ != reflect.TypeFor[config.Secret]() && typ != reflect.TypeFor[commoncfg.Secret]() && isInternal(node.Value):
	case strings.Contains(node.Value, "${"):
		t.fail(node, "Write ${secret:NAME/KEY}: a Secret of the tenant's namespace, and a key of it.", "%s has a reference that cannot be read", path)
	default:
		t.secrets = append(t.secrets, node.Line)
		t.fail(node, "Put it into a Secret of the tenant's namespace and write ${secret:NAME/KEY}.", "%s is a secret, and is written out", path)
	}
}

// isInternal says that a URL is a Service of the cluster without anything that could be a secret: only who is inside can
// call it, and its address is no secret.
func isInternal(value string) bool {
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" || u.User != nil || u.RawQuery != "" {
		return false
	}
	host := u.Hostname()
	short := host != "" && !strings.ContainsAny(host, ".:")
	return short || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".svc.cluster.local")
}

// address refuses credentials in a URL that Alertmanager does not hide.
func (t *text) address(node *yaml.Node, path string) {
	if u, err := url.Parse(node.Value); err == nil && u.User != nil {
		if _, has := u.User.Password(); has {
			t.secrets = append(t.secrets, node.Line)
			t.fail(node, "Use http_config.basic_auth with the password as ${secret:NAME/KEY}.", "%s has a password in its URL", path)
			return
		}
	}
	t.plain(node, path)
}

// plain warns about a secret where Alertmanager does not expect one, and so does not hide it.
func (t *text) plain(node *yaml.Node, path string) {
	if hasReference(node.Value) {
		t.warn(node, "Use a field that is a secret, such as api_url, authorization.credentials or basic_auth.password.",
			"%s is no secret to Alertmanager: whoever can read the configuration there sees its value", path)
	}
}

// misplacedReferences refuses references that would never be replaced, or that are no secret's place.
func (t *text) misplacedReferences() {
	for i := 0; i+1 < len(t.root.Content); i += 2 {
		section := t.root.Content[i].Value
		keys(t.root.Content[i+1], func(key *yaml.Node) {
			if strings.Contains(key.Value, referenceStart) {
				t.fail(key, "Write it as a value.", "a reference to a secret cannot be a field's name")
			}
		})
		scalars(t.root.Content[i+1], func(n *yaml.Node) {
			switch {
			case !strings.Contains(n.Value, referenceStart):
			case section != "receivers" && section != "global":
				t.fail(n, "Secrets belong to receivers and global.", "a reference to a secret cannot stand in %s", section)
			case strings.Count(n.Value, referenceStart) != len(reference.FindAllString(n.Value, -1)):
				t.fail(n, "Write ${secret:NAME/KEY}: a Secret of the tenant's namespace, and a key of it.", "a reference to a secret cannot be read")
			}
		})
	}
}

// keys calls visit for all keys of a tree.
func keys(node *yaml.Node, visit func(*yaml.Node)) {
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode && i%2 == 0 {
			visit(child)
		}
		keys(child, visit)
	}
}
