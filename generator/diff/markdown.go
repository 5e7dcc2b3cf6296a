package diff

import (
	"fmt"
	"slices"
	"strings"
)

// MaxComment is the most characters that GitHub takes in a comment.
const MaxComment = 65_536

// Marker begins a comment, so that the next run finds it and writes over it.
const Marker = "<!-- opsgen diff -->"

// section is a part of a comment that may be replaced by something shorter.
type section struct {
	text, brief string
	cut         bool
}

// Markdown is the report as a comment of a pull request, of at most limit bytes. What is too much is cut, the largest
// part first, and it says so. Dangers are never cut; when they alone are too many, they are counted and listed by rule.
func (r *Report) Markdown(limit int) string {
	sections := r.sections(dangerList)
	if size(sections) > limit {
		shorten(sections, limit)
	}
	if size(sections) > limit {
		sections = r.sections(dangerCounts)
		shorten(sections, limit)
	}
	var b strings.Builder
	for _, s := range sections {
		b.WriteString(s.now())
	}
	return b.String()
}

func (s section) now() string {
	if s.cut {
		return s.brief
	}
	return s.text
}

func size(sections []section) int {
	sum := 0
	for _, s := range sections {
		sum += len(s.now())
	}
	return sum
}

// shorten cuts the largest sections until the rest fits.
func shorten(sections []section, limit int) {
	for size(sections) > limit {
		largest := -1
		for i, s := range sections {
			if !s.cut && len(s.text) > len(s.brief) && (largest < 0 || len(s.text) > len(sections[largest].text)) {
				largest = i
			}
		}
		if largest < 0 {
			return
		}
		sections[largest].cut = true
	}
}

func fixed(format string, arguments ...any) section {
	text := fmt.Sprintf(format, arguments...)
	return section{text: text, brief: text}
}

func (r *Report) sections(dangers func([]Danger) string) []section {
	sections := []section{fixed("%s\n\n", Marker)}
	if len(r.Clusters) == 0 && len(r.Dangers) == 0 {
		return append(sections, fixed("Nothing changes in %s.\n", orNone(r.Unchanged)))
	}
	if len(r.Dangers) > 0 {
		sections = append(sections, fixed("⚠ **%s in the bundle**\n\n%s\n", counted(len(r.Dangers), "danger"), dangers(r.Dangers)))
	}
	for _, c := range r.Clusters {
		sections = append(sections, fixed("**%s** · %s\n\n", escape(c.Name), escape(c.headline())))
		if len(c.Dangers) > 0 {
			sections = append(sections, fixed("⚠ **%s in %s**\n\n%s\n", counted(len(c.Dangers), "danger"), escape(c.Name), dangers(c.Dangers)))
		} else {
			sections = append(sections, fixed("No dangers.\n\n"))
		}
		if c.Capacity.told() {
			sections = append(sections, fixed("Capacity: %s.\n\n", escape(c.Capacity.String())))
		}
		sections = append(sections, c.table())
		for _, g := range c.Groups {
			sections = append(sections, g.details())
		}
	}
	if len(r.Unchanged) > 0 {
		sections = append(sections, fixed("Nothing changes in %s.\n", orNone(r.Unchanged)))
	}
	return sections
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "any cluster"
	}
	return escape(strings.Join(names, ", "))
}

func dangerList(dangers []Danger) string {
	var b strings.Builder
	for i, d := range dangers {
		fmt.Fprintf(&b, "%d. **%s**: %s: %s\n", i+1, d.Effect, code(d.who()), escape(d.Message))
	}
	return b.String()
}

// maxNamed is how many characters of objects are named beside a count of dangers.
const maxNamed = 300

// dangerCounts lists dangers by rule, for when there are too many to tell each.
func dangerCounts(dangers []Danger) string {
	var rules []string
	objects, effects := map[string][]string{}, map[string]string{}
	for _, d := range dangers {
		if !slices.Contains(rules, d.Rule) {
			rules = append(rules, d.Rule)
		}
		objects[d.Rule], effects[d.Rule] = append(objects[d.Rule], d.Objects...), d.Effect
	}
	var b strings.Builder
	for i, rule := range rules {
		named := []rune(strings.Join(objects[rule], ", "))
		if len(named) > maxNamed {
			named = append(named[:maxNamed], '…')
		}
		fmt.Fprintf(&b, "%d. **%s**: %d times %s: %s\n", i+1, effects[rule], len(objects[rule]), code(rule), escape(string(named)))
	}
	b.WriteString("\nThese are too many to tell each of them here: run `opsgen diff`.\n")
	return b.String()
}

func (c *Cluster) table() section {
	var b strings.Builder
	b.WriteString("| | + | ~ | − | |\n|---|---|---|---|---|\n")
	added, changed, removed := 0, 0, 0
	for _, g := range c.Groups {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", escape(g.Name), orBlank(g.Added), orBlank(g.Changed), orBlank(g.Removed), g.effect())
		added, changed, removed = added+g.Added, changed+g.Changed, removed+g.Removed
	}
	return section{
		text:  b.String() + "\n",
		brief: fmt.Sprintf("%s: %d objects added, %d changed, %d removed (the table is cut).\n\n", counted(len(c.Groups), "component"), added, changed, removed),
	}
}

// details are the objects of a group, folded.
func (g *Group) details() section {
	w := &writer{TextOptions: TextOptions{All: true}}
	w.changes(g.Changes)
	text := strings.TrimRight(w.text.String(), "\n")
	fence := "```"
	for strings.Contains(text, fence) { // a value must not end the block
		fence += "`"
	}
	return section{
		text: fmt.Sprintf("<details><summary>%s</summary>\n\n%stext\n%s\n%s\n\n</details>\n\n", escape(g.Name), fence, text, fence),
		brief: fmt.Sprintf("%s: the details of %s are cut, GitHub takes no longer comment; run `opsgen diff`.\n\n",
			escape(g.Name), counted(len(g.Changes), "object")),
	}
}

// escape keeps a text from being read as Markdown, HTML or a mention of somebody: values come from whoever opened the
// pull request.
func escape(text string) string {
	return strings.NewReplacer(
		"&", "&amp;", "<", "&lt;", ">", "&gt;", "@", "&#64;", "`", "&#96;", "*", "&#42;", "_", "&#95;",
		"[", "&#91;", "]", "&#93;", "|", "&#124;", "\n", " ", "\\", "&#92;", "#", "&#35;", "://", "&#58;//",
	).Replace(text)
}

// code is a text in a code span.
func code(text string) string {
	return "<code>" + escape(text) + "</code>"
}
