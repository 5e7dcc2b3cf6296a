package alerting

import (
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"

	"github.com/prometheus/alertmanager/asset"
	amtemplate "github.com/prometheus/alertmanager/template"
	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/generator/document"
)

// Limits of the bundle (bases/cortex/limits.libsonnet) for templates.
const (
	maxTemplates    = 50
	maxTemplateSize = 128 << 10
)

// templates parses the files of templates/ and every template in a receiver, and looks each template up that they use:
// Alertmanager itself notices a missing one only when it has an alert to send.
func (t *text) templates(files map[string][]byte) {
	t.templateNames(files)
	set, err := defaultTemplates()
	if err == nil {
		set, err = set.Clone()
	}
	if err != nil {
		t.problems = append(t.problems, document.Problem{File: t.file, Message: err.Error()})
		return
	}
	if len(files) > maxTemplates {
		message := fmt.Sprintf("there are %d template files; the cluster takes %d", len(files), maxTemplates)
		t.problems = append(t.problems, document.Problem{File: t.file, Message: message})
	}
	whole := true
	for _, name := range slices.Sorted(maps.Keys(files)) {
		whole = t.templateFile(set, name, files[name]) && whole
	}
	if !whole {
		return // what a broken file defines is not known
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		t.missing(set, string(files[name]), func(node *parse.TemplateNode) document.Problem {
			message := fmt.Sprintf("there is no template %q%s", node.Name, nearTemplate(set, node.Name))
			return inTemplate(t.file, name, files[name], node.Line, message)
		})
	}
	scalars(t.root, func(n *yaml.Node) {
		if strings.Contains(n.Value, "{{") {
			t.inline(set, n)
		}
	})
}

// templateNames checks the list of templates. The threat: a path would read another tenant's files.
func (t *text) templateNames(files map[string][]byte) {
	used := map[string]bool{}
	for _, item := range items(field(t.root, "templates")) {
		if item.Value != path.Base(item.Value) || strings.ContainsAny(item.Value, `\/`) || item.Value == ".." || item.Value == "." {
			t.fail(item, fmt.Sprintf("Write the file's name alone: %q.", path.Base(item.Value)), "the template %q has a path, which tenants may not write", item.Value)
			continue
		}
		found := false
		for name := range files {
			if match, err := filepath.Match(item.Value, name); err == nil && match {
				used[name], found = true, true
			}
		}
		if !found {
			t.fail(item, "Add the file, or leave the entry out.", "no file in templates/ is called %q", item.Value)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !used[name] {
			t.warn(t.root, fmt.Sprintf("Add %q to templates.", name), "templates/%s is not used", name)
		}
	}
}

// defaultTemplates are the templates that Alertmanager brings, with its functions. They are parsed once, and cloned for
// each configuration: they are most of what a configuration of an average team costs.
var defaultTemplates = sync.OnceValues(func() (*template.Template, error) {
	set := newTemplate()
	for _, name := range []string{"default.tmpl", "email.tmpl"} {
		file, err := asset.Assets.Open(path.Join("/templates", name))
		if err != nil {
			return nil, fmt.Errorf("read Alertmanager's own templates: %w", err)
		}
		data, err := io.ReadAll(file)
		if err != nil {
			return nil, fmt.Errorf("read Alertmanager's own templates: %w", err)
		}
		if _, err := set.Parse(string(data)); err != nil {
			return nil, fmt.Errorf("read Alertmanager's own templates: %w", err)
		}
	}
	return set, nil
})

func (t *text) templateFile(set *template.Template, name string, data []byte) bool {
	if len(data) > maxTemplateSize {
		t.problems = append(t.problems, inTemplate(t.file, name, data, 0, fmt.Sprintf("the file has %d bytes; the cluster takes %d", len(data), maxTemplateSize)))
		return false
	}
	if _, err := set.Parse(string(data)); err != nil {
		line, message := templateError(err)
		t.problems = append(t.problems, inTemplate(t.file, name, data, line, message))
		return false
	}
	return true
}

// inline checks a template in a field of a receiver.
func (t *text) inline(set *template.Template, n *yaml.Node) {
	if _, err := newTemplate().Parse(n.Value); err != nil {
		_, message := templateError(err)
		t.fail(n, "", "the template cannot be read: %s", message)
		return
	}
	t.missing(set, n.Value, func(node *parse.TemplateNode) document.Problem {
		return t.problem(n, "", "there is no template %q%s", node.Name, nearTemplate(set, node.Name))
	})
}

func newTemplate() *template.Template {
	return template.New("").Option("missingkey=zero").Funcs(template.FuncMap(amtemplate.DefaultFuncs))
}

// missing reports templates that a text uses, and that neither it nor the set defines.
func (t *text) missing(set *template.Template, text string, problem func(*parse.TemplateNode) document.Problem) {
	own, err := newTemplate().Parse(text)
	if err != nil {
		return // reported where the text was read first
	}
	defined := own.Templates()
	slices.SortFunc(defined, func(a, b *template.Template) int { return strings.Compare(a.Name(), b.Name()) })
	for _, part := range defined {
		if part.Tree == nil {
			continue
		}
		used(part.Root, func(n *parse.TemplateNode) {
			if set.Lookup(n.Name) == nil && own.Lookup(n.Name) == nil {
				t.problems = append(t.problems, problem(n))
			}
		})
	}
}

// used calls visit for each template that a tree calls.
func used(node parse.Node, visit func(*parse.TemplateNode)) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			used(child, visit)
		}
	case *parse.IfNode:
		used(n.List, visit)
		used(n.ElseList, visit)
	case *parse.RangeNode:
		used(n.List, visit)
		used(n.ElseList, visit)
	case *parse.WithNode:
		used(n.List, visit)
		used(n.ElseList, visit)
	case *parse.TemplateNode:
		visit(n)
	}
}

func nearTemplate(set *template.Template, name string) string {
	var names []string
	for _, defined := range set.Templates() {
		names = append(names, defined.Name())
	}
	if near := document.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

var templateLine = regexp.MustCompile(`^template: [^:]*:(\d+): (.*)$`)

func templateError(err error) (line int, message string) {
	if m := templateLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
		return line, m[2]
	}
	return 0, err.Error()
}

// inTemplate is a problem in a file of templates/, which is beside alertmanager.yaml.
func inTemplate(config, name string, data []byte, line int, message string) document.Problem {
	p := document.Problem{File: path.Join(path.Dir(config), "templates", name), Line: line, Message: message}
	if line > 0 {
		p.Excerpt = document.Excerpt(splitLines(data), line)
	}
	return p
}
