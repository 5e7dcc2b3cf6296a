package document

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Document is one YAML file that was read: it knows where each value stands.
type Document struct {
	// File is the path as it is shown to the user.
	File string
	root *yaml.Node
	text []string
}

// Problem reports something wrong at a path such as "provider.zones[1]" or "capacity.metrics.retention". Where the path
// is not in the file (a default, say), the nearest parent that is there is shown.
func (d *Document) Problem(path, message, hint string) Problem {
	node := d.find(path)
	p := Problem{File: d.File, Message: message, Hint: hint}
	if node != nil {
		p.Line, p.Column = node.Line, node.Column
		p.Excerpt = d.excerpt(node.Line)
	}
	return p
}

// find walks as far along the path as the file goes.
func (d *Document) find(path string) *yaml.Node {
	if d.root == nil {
		return nil
	}
	node := d.root
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := child(node, step)
		if next == nil {
			break
		}
		node = next
	}
	return node
}

func child(node *yaml.Node, step string) *yaml.Node {
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == step {
				return node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		var index int
		if _, err := fmt.Sscanf(step, "%d", &index); err == nil && index >= 0 && index < len(node.Content) {
			return node.Content[index]
		}
	case yaml.AliasNode:
		return child(node.Alias, step)
	}
	return nil
}

func (d *Document) excerpt(line int) string { return Excerpt(d.text, line) }

// Excerpt is a line, which counts from 1, with the one before and after it, numbered, the line itself marked: what a
// Problem shows.
func Excerpt(lines []string, line int) string {
	var b strings.Builder
	for n := line - 1; n <= line+1; n++ {
		if n < 1 || n > len(lines) {
			continue
		}
		mark := " "
		if n == line {
			mark = ">"
		}
		fmt.Fprintf(&b, "  %s %3d | %s\n", mark, n, lines[n-1])
	}
	return strings.TrimRight(b.String(), "\n")
}
