package alerting

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Reference is ${secret:NAME/KEY}: a key of a Kubernetes Secret in the tenant's namespace.
type Reference struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// String is the reference as it is written.
func (r Reference) String() string { return referenceStart + r.Name + "/" + r.Key + "}" }

const referenceStart = "${secret:"

// reference matches names of Secrets (DNS subdomains) and their keys, as Kubernetes permits them.
var reference = regexp.MustCompile(`\$\{secret:([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)/([-._a-zA-Z0-9]{1,253})\}`)

func hasReference(value string) bool { return reference.MatchString(value) }

// withoutSecrets puts what is legal in each kind of secret, a URL, in place of references, so that Alertmanager's parser
// takes the file. No line moves.
func withoutSecrets(text string) string {
	return reference.ReplaceAllString(text, "https://secret.invalid/$1/$2")
}

// References lists the references in the values of a YAML text, each once, in the order of the text.
func References(text string) ([]Reference, error) {
	root, err := parseYAML(text)
	if err != nil {
		return nil, err
	}
	var list []Reference
	scalars(root, func(n *yaml.Node) {
		for _, m := range reference.FindAllStringSubmatch(n.Value, -1) {
			if r := (Reference{m[1], m[2]}); !slices.Contains(list, r) {
				list = append(list, r)
			}
		}
	})
	return list, nil
}

// Expand puts the values of secrets in place of their references, in the values of a YAML text. A value is always
// written as one quoted string: no secret can add a key, a list or a document. A line break at its end is dropped, since
// it is in most Secrets by accident. All references that cannot be resolved are in the error, which never has a value.
func Expand(text string, lookup func(name, key string) (string, error)) (string, error) {
	if !strings.Contains(text, referenceStart) {
		return text, nil
	}
	root, err := parseYAML(text)
	if err != nil {
		return "", err
	}
	var failures []error
	seen := map[Reference]bool{}
	keys(root, func(key *yaml.Node) {
		if strings.Contains(key.Value, referenceStart) {
			failures = append(failures, fmt.Errorf("line %d: a reference to a secret cannot be a field's name", key.Line))
		}
	})
	scalars(root, func(n *yaml.Node) {
		if !strings.Contains(n.Value, referenceStart) {
			return
		}
		value, err := expandValue(n.Value, lookup, seen)
		if err != nil {
			failures = append(failures, fmt.Errorf("line %d: %w", n.Line, err))
			return
		}
		n.Value, n.Tag, n.Style = value, "!!str", yaml.DoubleQuotedStyle
	})
	if len(failures) > 0 {
		return "", errors.Join(failures...)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return "", fmt.Errorf("write the configuration with its secrets: %w", err)
	}
	return out.String(), encoder.Close()
}

func expandValue(text string, lookup func(name, key string) (string, error), failed map[Reference]bool) (string, error) {
	var failures []error
	found := 0
	result := reference.ReplaceAllStringFunc(text, func(match string) string {
		found++
		m := reference.FindStringSubmatch(match)
		r := Reference{m[1], m[2]}
		value, err := lookup(r.Name, r.Key)
		value = strings.TrimRight(value, "\r\n")
		switch {
		case failed[r]:
		case err != nil:
			failures, failed[r] = append(failures, fmt.Errorf("%s: %w", r, err)), true
		case value == "":
			failures, failed[r] = append(failures, fmt.Errorf("%s is empty", r)), true
		case !utf8.ValidString(value):
			failures, failed[r] = append(failures, fmt.Errorf("%s is no text", r)), true
		}
		return value
	})
	if found != strings.Count(text, referenceStart) {
		failures = append(failures, errors.New("a reference to a secret cannot be read; write ${secret:NAME/KEY}"))
	}
	return result, errors.Join(failures...)
}

func parseYAML(text string) (*yaml.Node, error) {
	var root yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(text))
	if err := decoder.Decode(&root); err != nil {
		return nil, fmt.Errorf("the configuration is not valid YAML: %w", err)
	}
	return &root, nil
}
