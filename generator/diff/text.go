package diff

import (
	"fmt"
	"io"
	"strings"
)

// TextOptions say how a report is written for a terminal.
type TextOptions struct {
	// Color marks additions, removals and dangers with colours.
	Color bool
	// All writes every field; otherwise only the first ones of each object.
	All bool
}

// fewFields is how many fields of an object are shown unless all are asked for.
const fewFields = 12

// Escape sequences of terminals.
const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	bold   = "\x1b[1m"
	plain  = "\x1b[0m"
)

// Text writes the report for a person: dangers first, then what changes.
func (r *Report) Text(out io.Writer, o TextOptions) error {
	w := &writer{TextOptions: o}
	w.line("%s → %s", r.From, r.To)
	w.dangers("", r.Dangers)
	for _, c := range r.Clusters {
		w.line("")
		w.line("%s: %s", w.paint(bold, c.Name), c.headline())
		w.dangers("  ", c.Dangers)
		if c.Capacity.told() {
			w.line("  capacity: %s", c.Capacity)
		}
		w.table(c.Groups)
		for _, g := range c.Groups {
			w.line("")
			w.line("  %s", g.Name)
			w.changes(g.Changes)
		}
	}
	if len(r.Unchanged) > 0 {
		w.line("")
		w.line("nothing changes in %s", strings.Join(r.Unchanged, ", "))
	}
	_, err := io.WriteString(out, w.text.String())
	return err
}

type writer struct {
	TextOptions
	text strings.Builder
}

func (w *writer) line(format string, arguments ...any) {
	fmt.Fprintf(&w.text, format+"\n", arguments...)
}

func (w *writer) paint(colour, text string) string {
	if !w.Color {
		return text
	}
	return colour + text + plain
}

func (w *writer) dangers(indent string, dangers []Danger) {
	if len(dangers) == 0 {
		return
	}
	w.line("%s%s", indent, w.paint(red, counted(len(dangers), "danger")))
	for i, d := range dangers {
		w.line("%s%d. %s: %s: %s", indent, i+1, w.paint(red, d.Effect), d.who(), d.Message)
	}
}

func (w *writer) table(groups []Group) {
	width := 0
	for _, g := range groups {
		width = max(width, len([]rune(g.Name)))
	}
	row := func(name, added, changed, removed, effect string) {
		w.line("%s", strings.TrimRight(fmt.Sprintf("  %-*s %4s %4s %4s   %s", width, name, added, changed, removed, effect), " "))
	}
	row("", "+", "~", "−", "")
	for _, g := range groups {
		row(g.Name, orBlank(g.Added), orBlank(g.Changed), orBlank(g.Removed), g.effect())
	}
}

func orBlank(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// changes writes objects; those that change in the same fields in the same way stand together, over these.
func (w *writer) changes(all []Change) {
	var order []string
	alike := map[string][]Change{}
	for _, c := range all {
		key := w.fields(c)
		if key == "" {
			key = c.Object // it comes or goes: nothing to share
		}
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], c)
	}
	for _, key := range order {
		for _, c := range alike[key] {
			w.head(c)
		}
		w.text.WriteString(w.fields(alike[key][0]))
	}
}

func (w *writer) head(c Change) {
	effect := ""
	if c.Effect != "" {
		effect = ", " + w.paint(yellow, c.Effect)
	}
	switch c.Kind {
	case Added:
		w.line("    %s", w.paint(green, "+ "+c.Object))
	case Removed:
		w.line("    %s", w.paint(red, "− "+c.Object))
	case Moved:
		w.line("    ~ %s, moved from %s%s", c.Object, c.From, effect)
	case Renamed:
		w.line("    ~ %s, was %s%s", c.Object, c.From, effect)
	default:
		w.line("    ~ %s%s", c.Object, effect)
	}
}

// fields are a change's fields, one a line.
func (w *writer) fields(c Change) string {
	var b strings.Builder
	for i, f := range c.Fields {
		if i == fewFields && !w.All {
			fmt.Fprintf(&b, "        … and %s (--all shows them)\n", more(len(c.Fields)-fewFields, "field"))
			break
		}
		fmt.Fprintf(&b, "        %s\n", f)
	}
	return b.String()
}

// fewObjects is how many objects of a danger are named.
const fewObjects = 4

// who names the objects of a danger.
func (d Danger) who() string {
	if len(d.Objects) <= fewObjects {
		return strings.Join(d.Objects, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(d.Objects[:fewObjects-1], ", "), len(d.Objects)-fewObjects+1)
}

func more(n int, noun string) string {
	return strings.Replace(counted(n, noun), " ", " more ", 1)
}

// String is the field on one line.
func (f Field) String() string {
	switch {
	case f.Old == nil:
		return fmt.Sprintf("+ %s: %s", f.Path, short(f.New))
	case f.New == nil:
		return fmt.Sprintf("− %s: %s", f.Path, short(f.Old))
	default:
		return fmt.Sprintf("%s: %s → %s", f.Path, short(f.Old), short(f.New))
	}
}

// headline says in one line what happens to a cluster.
func (c *Cluster) headline() string {
	var parts []string
	if c.State != "" {
		parts = append(parts, "the cluster is "+c.State)
	}
	for _, tenants := range []struct {
		names []string
		verb  string
	}{{c.TenantsAdded, "added"}, {c.TenantsRemoved, "removed"}} {
		if len(tenants.names) > 0 {
			parts = append(parts, counted(len(tenants.names), "tenant")+" "+tenants.verb)
		}
	}
	if len(parts) == 0 {
		objects := 0
		for _, g := range c.Groups {
			objects += len(g.Changes)
		}
		verb := " change"
		if objects == 1 {
			verb = " changes"
		}
		parts = append(parts, counted(objects, "object")+verb)
	}
	if c.State == "" {
		parts = append(parts, c.restart())
	}
	return strings.Join(parts, ", ")
}

func (c *Cluster) restart() string {
	switch {
	case len(c.Restarts) == 0:
		return "nothing restarts"
	case c.Pods == 1:
		return "1 pod restarts"
	default:
		return fmt.Sprintf("%s of %s restart", counted(c.Pods, "pod"), counted(len(c.Restarts), "workload"))
	}
}

// effect is what the objects of a group have in common to say.
func (g *Group) effect() string {
	pods, live := 0, false
	for _, change := range g.Changes {
		switch {
		case change.after != nil && strings.HasPrefix(change.Effect, "restarts "):
			pods += replicas(change.after)
		case change.Effect == "reloaded live":
			live = true
		}
	}
	switch {
	case pods == 1:
		return "1 pod restarts"
	case pods > 1:
		return counted(pods, "pod") + " restart"
	case live:
		return "reloaded live"
	default:
		return ""
	}
}
