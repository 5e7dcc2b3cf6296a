package check

import (
	"iter"
	"strings"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/object"
)

// waiveAnnotation lets one object break rules, each with a reason: "rule: reason; other-rule: reason". It is written
// where the object is made, or by an overlay or patch for an object of a chart. What is waived is still listed.
const waiveAnnotation = "opsgen.dev/waive"

type waiver struct {
	rule, reason string
	used         bool
}

// waiversOf reads an object's annotation; complaints are what is wrong with it.
func waiversOf(o *object.Object) (waivers []*waiver, complaints [][2]string) {
	text, ok := o.GetAnnotations()[waiveAnnotation]
	if !ok {
		return nil, nil
	}
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		name, reason, _ := strings.Cut(strings.TrimSpace(entry), ":")
		name, reason = strings.TrimSpace(name), strings.TrimSpace(reason)
		if name == "" && reason == "" {
			continue
		}
		rule := ruleNamed(name)
		switch {
		case rule.Name == "":
			hint := "opsgen rules lists them."
			if near := document.Nearest(name, ruleNames()); near != "" {
				hint = "Did you mean " + near + "?"
			}
			complaints = append(complaints, [2]string{"there is no rule " + name, hint})
		case rule.Required:
			complaints = append(complaints, [2]string{"rule " + name + " cannot be waived: the object would not work", "Correct the object."})
		case reason == "":
			complaints = append(complaints, [2]string{"the waiver of " + name + " gives no reason", `Write "` + name + `: why".`})
		default:
			waivers = append(waivers, &waiver{rule: name, reason: reason})
		}
	}
	return waivers, complaints
}

// settle applies the waivers of the units' objects, complains about wrong and idle ones, and sorts. Only waivers of
// rules of the given scope can be idle: the others are applied elsewhere.
func settle(r *report, units []Unit, scope ruleScope) []Finding {
	waivers := map[*object.Object][]*waiver{}
	for u, o := range objectsOf(units) {
		valid, complaints := waiversOf(o)
		if len(valid) > 0 {
			waivers[o] = valid
		}
		if scope != unitScope {
			continue
		}
		for _, c := range complaints {
			r.add(u, o, ruleWaiver, annotationPath(waiveAnnotation), c[1], "%s", c[0])
		}
	}
	for i := range r.findings {
		f := &r.findings[i]
		for _, w := range waivers[f.object] {
			if w.rule == f.Rule {
				f.Severity, f.Waiver, w.used = Waived, w.reason, true
			}
		}
	}
	for u, o := range objectsOf(units) {
		for _, w := range waivers[o] {
			if !w.used && ruleNamed(w.rule).scope == scope {
				r.add(u, o, ruleIdleWaiver, annotationPath(waiveAnnotation), "Remove it.", "the waiver of %s is not needed", w.rule)
			}
		}
	}
	return sorted(r.findings)
}

// objectsOf are all objects of units with their unit.
func objectsOf(units []Unit) iter.Seq2[*Unit, *object.Object] {
	return func(yield func(*Unit, *object.Object) bool) {
		for i := range units {
			for j := range units[i].Objects {
				if !yield(&units[i], &units[i].Objects[j]) {
					return
				}
			}
		}
	}
}

func annotationPath(name string) string { return "metadata.annotations[" + name + "]" }
