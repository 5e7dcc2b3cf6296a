package tenant

import (
	"strings"

	core "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/opsgen/opsgen/syncer/tenantsource"
)

const (
	normal  = core.EventTypeNormal
	warning = core.EventTypeWarning
)

// maxNote is the most that an event may say (Kubernetes, pkg/apis/core/validation/events.go).
const maxNote = 1000

// notes are what a reconciliation has to tell about each object.
type notes struct {
	list []note
}

type note struct {
	object               tenantsource.Object
	kind, reason, detail string
	// once says that it happened and is told each time; everything else is a state, and told when it begins.
	once bool
	// quiet says that it is not told when nothing was told before: after a restart all is well with a thousand objects.
	quiet bool
}

func (n *notes) add(o tenantsource.Object, kind, reason, detail string) {
	n.list = append(n.list, note{object: o, kind: kind, reason: reason, detail: detail, once: reason == reasonReverted})
}

// well says that an object is in force.
func (n *notes) well(o tenantsource.Object, detail string, written bool) {
	n.list = append(n.list, note{object: o, kind: normal, reason: reasonSynced, detail: detail, quiet: !written})
}

// tell makes events of what is new. An object's state is told again only when it changes: an outage of an hour is one
// event and not sixty. What is told of objects that this time nothing is known of stays as it was.
func (n *notes) tell(to events.EventRecorder, t *state) {
	now := map[tenantsource.Object]string{}
	for _, note := range n.list {
		if !note.once {
			now[note.object] += note.reason + note.detail + "\n"
		}
	}
	for _, note := range n.list {
		before, told := t.told[note.object]
		if note.object.Name == "" || !note.once && (told && before == now[note.object] || !told && note.quiet) {
			continue
		}
		detail := note.detail
		if len(detail) > maxNote {
			detail = strings.ToValidUTF8(detail[:maxNote], "") + " …"
		}
		to.Eventf(note.object.Reference(), nil, note.kind, note.reason, "Synchronise", "%s", detail)
	}
	for object, text := range now {
		t.told[object] = text
	}
}
