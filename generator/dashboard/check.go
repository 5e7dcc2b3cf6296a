package dashboard

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/opsgen/opsgen/generator/document"
)

// Dashboard is what is known of a dashboard's file.
type Dashboard struct {
	// File is the path as it is shown to the user.
	File string
	// UID and Title are Grafana's.
	UID, Title string
	// LogQL are the queries of Loki, ready for its parser: variables are replaced.
	LogQL []Query
}

// Query is one query of a panel.
type Query struct {
	// Expr is the text with variables replaced by values.
	Expr string
	// Place says where it stands; Message is to be filled in.
	Place document.Problem
}

// sources are the data sources that every tenant's Grafana has, by uid: their types (bases/grafana/datasources.libsonnet).
func sources() map[string]string {
	return map[string]string{"metrics": "prometheus", "logs": "loki", "alerts": "alertmanager"}
}

// builtin are data sources of Grafana itself, by uid or name.
func builtin() []string {
	return []string{"grafana", "-- Grafana --", "-- Mixed --", "-- Dashboard --", "__expr__", "-100"}
}

// Reserved is the folder and the beginning of the uids of dashboards that opsgen adds itself.
const Reserved = "opsgen"

// oldest is the first schema version whose panels are a flat list; Grafana's own migrations of older ones lose parts.
const oldest = 16

var uidPattern = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,40}$`)

type checker struct {
	file, text         string
	promQL             func(string) error
	problems, warnings document.Problems
	board              *Dashboard
	// variables are the template variables by name, with their type.
	variables map[string]string
}

// Check reads a dashboard. promQL parses an expression of Prometheus; nil leaves queries alone. The Dashboard is nil when
// the text is no dashboard at all. system says that the tenant is the platform's own, whose dashboards have reserved uids.
func Check(file, text string, promQL func(string) error, system bool) (d *Dashboard, problems, warnings document.Problems) {
	c := &checker{file: file, text: text, promQL: promQL, board: &Dashboard{File: file}, variables: map[string]string{}}
	root, err := parse(text)
	var wrong *syntaxError
	if errors.As(err, &wrong) {
		c.fail(&node{offset: wrong.offset}, "", "not valid JSON: %s", wrong.message)
		return nil, c.problems, nil
	}
	if !c.classic(root) {
		return nil, c.problems, nil
	}
	c.identity(root, system)
	c.loadVariables(root)
	c.walk(root, nil, "")
	return c.board, c.problems, c.warnings
}

// classic says that this is a dashboard which Grafana loads from a file.
func (c *checker) classic(root *node) bool {
	before := len(c.problems)
	switch {
	case root.fields == nil:
		c.fail(root, "", "a dashboard is a JSON object")
	case root.field("dashboard") != nil && root.field("panels") == nil:
		c.fail(root.field("dashboard"), "Write what is inside of \"dashboard\" as the whole file.", "this is an answer of Grafana's API, which has the dashboard in it")
	case root.field("spec") != nil || root.field("elements") != nil || strings.HasPrefix(root.field("apiVersion").text(), "dashboard.grafana.app/"):
		c.fail(root, "Export it as classic JSON (v1).", "the dashboard is in the newer format, which Grafana does not load from files")
	case root.field("__inputs") != nil && len(root.field("__inputs").items) > 0:
		c.fail(root.field("__inputs"), "Export it without \"Export for sharing externally\", or remove __inputs and write the uids metrics and logs.",
			"the dashboard was exported to be shared: its data sources are variables that only an import by hand fills in")
	}
	return len(c.problems) == before
}

func (c *checker) identity(root *node, system bool) {
	uid, title := root.field("uid"), root.field("title")
	c.board.UID, c.board.Title = uid.text(), title.text()
	switch {
	case c.board.UID == "":
		c.fail(or(uid, root), "Write one, such as \"uid\": \"payments-orders\", and never change it.", "the dashboard has no uid: Grafana would make up another one at each start, and links would break")
	case !uidPattern.MatchString(c.board.UID):
		c.fail(uid, "Write at most 40 letters, digits, hyphens and underscores.", "the uid %q is not one that Grafana takes", c.board.UID)
	case !system && strings.HasPrefix(c.board.UID, Reserved+"-"):
		c.fail(uid, "Write another one.", "the uid %q is reserved for opsgen's own dashboards", c.board.UID)
	}
	if strings.TrimSpace(c.board.Title) == "" {
		c.fail(or(title, root), "", "the dashboard has no title")
	}
	version := root.field("schemaVersion")
	number, ok := or(version, root).number()
	switch {
	case version == nil || !ok:
		c.fail(or(version, root), "Save it once in Grafana and export it again.", "the dashboard has no schemaVersion, which is a whole number")
	case number < oldest:
		c.warn(version, "Save it once in Grafana and export it again.", "schemaVersion %d is of Grafana 5 or older; newer ones may not show all of it", number)
	}
}

func (n *node) number() (int, bool) {
	number, err := strconv.Atoi(fmt.Sprint(n.value))
	return number, err == nil && n.value != nil
}

// Clashes finds dashboards of one tenant that Grafana cannot tell apart.
func Clashes(boards []*Dashboard) document.Problems {
	var problems document.Problems
	seen := map[string]string{}
	for _, b := range boards {
		if b == nil || b.UID == "" {
			continue
		}
		if other, taken := seen[b.UID]; taken {
			problems = append(problems, document.Problem{File: b.File, Message: fmt.Sprintf("the uid %q is that of %s too", b.UID, other), Hint: "Give each its own."})
			continue
		}
		seen[b.UID] = b.File
	}
	return problems
}

// walk looks at every data source and query, whatever it is part of. inherited is the data source of what is around.
func (c *checker) walk(n *node, inherited *node, path string) {
	if n == nil {
		return
	}
	if source := n.field("datasource"); source != nil && source.value != nil || source != nil && source.fields != nil {
		c.source(source, path)
		inherited = source
	}
	if expr := n.field("expr"); expr != nil && expr.text() != "" {
		c.query(expr, inherited)
	}
	for _, key := range n.keys {
		if key != "datasource" {
			c.walk(n.fields[key], inherited, path+"."+key)
		}
	}
	for _, item := range n.items {
		c.walk(item, inherited, path)
	}
}

// source checks one reference to a data source.
func (c *checker) source(n *node, _ string) {
	known := sources()
	hint := "Write {\"type\": \"prometheus\", \"uid\": \"metrics\"}, or the uid logs or alerts: every tenant has these."
	uid := n.field("uid").text()
	switch {
	case n.fields == nil:
		if name := n.text(); !slices.Contains(builtin(), name) && !c.variable(name) {
			c.fail(n, hint, "the data source is named %q; names differ from one Grafana to the next", name)
		}
	case slices.Contains(builtin(), uid), c.variable(uid), uid == "" && n.field("type").text() == "datasource":
	case uid == "":
		c.fail(n, hint, "the data source has no uid")
	case known[uid] == "":
		c.fail(n.field("uid"), hint, "there is no data source with the uid %q", uid)
	default:
		if kind := n.field("type").text(); kind != "" && kind != known[uid] {
			c.fail(n.field("type"), "", "the data source %s is of type %s, not %q", uid, known[uid], kind)
		}
	}
}

// variable says that a text is a variable that stands for a data source.
func (c *checker) variable(text string) bool {
	name := strings.Trim(strings.TrimPrefix(text, "$"), "{}[]")
	name, _, _ = strings.Cut(name, ":")
	return text != name && c.variables[name] == "datasource"
}

func (c *checker) loadVariables(root *node) {
	list := root.field("templating").field("list")
	if list == nil {
		return
	}
	for _, item := range list.items {
		c.variables[item.field("name").text()] = item.field("type").text()
		if item.field("type").text() != "datasource" {
			continue
		}
		if kind := item.field("query").text(); kind != "prometheus" && kind != "loki" && kind != "alertmanager" {
			c.fail(or(item.field("query"), item), "Write prometheus, loki or alertmanager.", "the variable %s chooses among data sources of type %q, of which a tenant has none", item.field("name").text(), kind)
		}
	}
}

// kind is the type of a data source that a query goes to; empty where it cannot be known.
func (c *checker) kind(source *node) string {
	switch {
	case source == nil || source.value == nil && source.fields == nil:
		return "prometheus" // Grafana's default
	case source.field("type").text() != "":
		return source.field("type").text()
	default:
		return sources()[source.field("uid").text()]
	}
}

func (c *checker) query(expr, source *node) {
	switch c.kind(source) {
	case "prometheus":
		if c.promQL == nil {
			return
		}
		if err := parsesWith(expr.text(), c.promQL); err != nil {
			c.fail(expr, "", "the query cannot be parsed: %v", err)
		}
	case "loki":
		c.board.LogQL = append(c.board.LogQL, Query{Expr: Substitute(expr.text()), Place: c.place(expr)})
	}
}

func or(n, fallback *node) *node {
	if n != nil {
		return n
	}
	return fallback
}

func (c *checker) place(n *node) document.Problem {
	before := c.text[:min(max(0, int(n.offset)), len(c.text))]
	line := strings.Count(before, "\n") + 1
	column := len(before) - strings.LastIndexByte(before, '\n')
	return document.Problem{File: c.file, Line: line, Column: column}
}

func (c *checker) problem(n *node, hint, format string, args ...any) document.Problem {
	p := c.place(n)
	p.Message, p.Hint = fmt.Sprintf(format, args...), hint
	return p
}

func (c *checker) fail(n *node, hint, format string, args ...any) {
	c.problems = append(c.problems, c.problem(n, hint, format, args...))
}

func (c *checker) warn(n *node, hint, format string, args ...any) {
	c.warnings = append(c.warnings, c.problem(n, hint, format, args...))
}
