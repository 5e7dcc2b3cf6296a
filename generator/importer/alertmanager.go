package importer

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/tenant"
)

// configuration is an Alertmanager's, as text.
type configuration struct{ from, text string }

// secretName is the Secret that imported references name.
const secretName = "alertmanager"

// secretFields are fields of an Alertmanager's configuration that hold a secret (prometheus/alertmanager,
// config/notifiers.go and prometheus/common, config/http_config.go: types Secret and SecretURL).
func secretFields() []string {
	return []string{
		"api_key", "api_secret", "api_token", "api_url", "app_token", "auth_password", "auth_secret", "bearer_token", "bot_token", "client_secret",
		"credentials", "key", "opsgenie_api_key", "password", "rocketchat_token", "rocketchat_token_id", "routing_key", "secret_key", "service_key",
		"slack_api_url", "slack_app_token", "smtp_auth_password", "smtp_auth_secret", "token", "token_id", "user_key", "victorops_api_key",
		"webhook_url", "wechat_api_secret",
	}
}

// plainURLs are kinds of receivers whose api_url is an address like any other.
func plainURLs() []string {
	return []string{"opsgenie_configs", "victorops_configs", "wechat_configs", "telegram_configs", "webex_configs", "sns_configs", "jira_configs"}
}

// template keeps a template of notifications.
func (r *reader) template(from, name, text string) {
	if r.templates == nil {
		r.templates = map[string]found{}
	}
	name = fileName(strings.TrimSuffix(name, ".tmpl")) + ".tmpl"
	if other, taken := r.templates[name]; taken && other.text != text {
		r.leave(from, "%s has a template of the same name", other.from)
		return
	}
	r.templates[name] = found{from, text}
}

// alertmanager takes the one configuration that was found, with its templates.
func (r *reader) alertmanager() {
	if len(r.configurations) == 0 {
		for _, name := range slices.Sorted(maps.Keys(r.templates)) {
			r.leave(r.templates[name].from, "there is no Alertmanager configuration that would use it")
		}
		return
	}
	for _, other := range r.configurations[1:] {
		r.leave(other.from, "a tenant has one Alertmanager configuration, and that of %s came first", r.configurations[0].from)
	}
	c := r.configurations[0]
	text, secrets, err := withReferences(c.text)
	if err != nil {
		r.leave(c.from, "not valid YAML: %v", err)
		return
	}
	templates := map[string][]byte{}
	for name, t := range r.templates {
		templates[name] = []byte(t.text)
	}
	if _, problems, _ := alerting.Parse(c.from, []byte(text), templates); len(problems) > 0 {
		r.leave(c.from, "%s", r.inConfiguration(c, problems[0]))
		return
	}
	note := "Alertmanager configuration"
	if !r.take(c.from, tenant.AlertmanagerFile, text, note) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.templates)) {
		r.take(r.templates[name].from, path.Join(tenant.TemplatesFolder, name), r.templates[name].text, "template of notifications")
	}
	r.Secrets = secrets
}

// inConfiguration says what is wrong with a configuration, and where, when that is in one of its templates.
func (r *reader) inConfiguration(c configuration, problem document.Problem) string {
	if problem.File == c.from {
		return problem.Message
	}
	name := path.Base(problem.File)
	if t, ok := r.templates[name]; ok {
		name = t.from
	}
	return fmt.Sprintf("its template %s: %s", name, problem.Message)
}

// withReferences replaces the secrets of a configuration by references, and the paths of templates by those that a tenant
// has. Everything else stays, comments included.
func withReferences(text string) (string, []Item, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil {
		return "", nil, err
	}
	if len(root.Content) == 0 {
		return text, nil, nil
	}
	w := &secretWalk{names: map[string]int{}}
	w.node(root.Content[0], "", nil, 0)
	if len(w.secrets) == 0 && !w.changed {
		return text, nil, nil
	}
	written, err := yaml.Marshal(&root)
	return string(written), w.secrets, err
}

// secretWalk visits the values of a configuration.
type secretWalk struct {
	names   map[string]int
	secrets []Item
	changed bool
}

// maxDepth is deeper than any configuration.
const maxDepth = 30

// node visits a value. receiver is the name of the receiver that it is part of, and path are the keys that lead to it.
func (w *secretWalk) node(n *yaml.Node, receiver string, keys []string, depth int) {
	if depth > maxDepth {
		return
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			w.node(item, receiver, keys, depth+1)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == "name" && slices.Equal(keys, []string{"receivers"}) {
				receiver = n.Content[i+1].Value
			}
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			w.field(n.Content[i], n.Content[i+1], receiver, keys, depth)
		}
	}
}

func (w *secretWalk) field(key, value *yaml.Node, receiver string, keys []string, depth int) {
	name := key.Value
	if name == "templates" && len(keys) == 0 && value.Kind == yaml.SequenceNode {
		w.templates(value)
		return
	}
	plain := strings.TrimSuffix(name, "_file")
	switch {
	case value.Kind != yaml.ScalarNode:
		w.node(value, receiver, append(slices.Clone(keys), name), depth+1)
	case !w.isSecret(plain, keys), value.Value == "", strings.Contains(value.Value, "${secret:"):
	default:
		note := "was written out"
		if plain != name {
			note = "was read from the file " + value.Value
			key.Value = plain
		}
		reference := w.reference(receiver, plain)
		w.secrets = append(w.secrets, Item{From: strings.TrimSpace(receiver + " " + plain), To: reference, Note: note})
		value.Value, value.Tag, value.Style = "${secret:"+reference+"}", "!!str", yaml.DoubleQuotedStyle
	}
}

func (w *secretWalk) isSecret(name string, keys []string) bool {
	last := ""
	if len(keys) > 0 {
		last = keys[len(keys)-1]
	}
	switch name {
	case "url":
		return last == "webhook_configs"
	case "api_url":
		return last == "slack_configs" || !slices.Contains(plainURLs(), last) && last != ""
	case "key":
		return false
	default:
		return slices.Contains(secretFields(), name)
	}
}

// reference is a key of the Secret that no other value has.
func (w *secretWalk) reference(receiver, name string) string {
	key := fileName(strings.ReplaceAll(strings.TrimSpace(receiver+"-"+name), "_", "-"))
	if receiver == "" {
		key = fileName(strings.ReplaceAll(name, "_", "-"))
	}
	w.names[key]++
	if n := w.names[key]; n > 1 {
		key = fmt.Sprintf("%s-%d", key, n)
	}
	return secretName + "/" + key
}

// templates makes paths of templates into names of files of templates/.
func (w *secretWalk) templates(list *yaml.Node) {
	for _, item := range list.Content {
		base := path.Base(item.Value)
		if !strings.Contains(base, "*") {
			base = fileName(strings.TrimSuffix(base, ".tmpl")) + ".tmpl"
		}
		w.changed = w.changed || base != item.Value
		item.Value = base
	}
}
