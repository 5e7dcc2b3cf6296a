package alerting

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/generator/document"
)

func asProblems(file string, err error) document.Problems {
	var problems document.Problems
	if errors.As(err, &problems) {
		return problems
	}
	return document.Problems{{File: file, Message: err.Error()}}
}

func splitLines(data []byte) []string { return strings.Split(string(data), "\n") }

var (
	lineOf   = regexp.MustCompile(`^line (\d+): (.*)$`)
	quotedIn = regexp.MustCompile(`"([^"]+)"`)
)

// loadError shows what Alertmanager's own parser says. It names a line for a wrong type, but none for what it checks
// afterwards; then the place is where the value that it quotes, or a key that it names, is written.
func (t *text) loadError(err error) {
	for _, message := range strings.Split(strings.TrimPrefix(err.Error(), "yaml: "), "\n") {
		message = strings.TrimSpace(message)
		if message == "unmarshal errors:" || message == "" {
			continue
		}
		if m := lineOf.FindStringSubmatch(message); m != nil {
			line, _ := strconv.Atoi(m[1])
			t.fail(&yaml.Node{Line: line}, "", "Alertmanager says: %s", m[2])
			continue
		}
		t.fail(t.placeOf(message), "", "Alertmanager says: %s", message)
	}
}

// placeOf is the best guess at what a message is about; the top of the file where there is none.
func (t *text) placeOf(message string) *yaml.Node {
	place := &yaml.Node{Line: 1, Column: 1}
	quoted := map[string]bool{}
	for _, m := range quotedIn.FindAllStringSubmatch(message, -1) {
		quoted[m[1]] = true
	}
	found := false
	scalars(t.root, func(n *yaml.Node) {
		if n.Value == "" || found && quoted[place.Value] && !quoted[n.Value] {
			return
		}
		// Of several, the last: what is not unique, or not defined, is what comes after.
		if quoted[n.Value] || !found && strings.Contains(n.Value, "_") && strings.Contains(message, n.Value) {
			place, found = n, true
		}
	})
	return place
}

// scalars calls visit for all keys and values of a tree, in the order of the file. Aliases are not followed: what they
// stand for is visited where it is written.
func scalars(node *yaml.Node, visit func(*yaml.Node)) {
	if node.Kind == yaml.ScalarNode {
		visit(node)
	}
	for _, child := range node.Content {
		scalars(child, visit)
	}
}
