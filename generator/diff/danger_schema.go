package diff

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// SchemaCrossed is the rule about periods of a schema that have begun. What it finds must not be deployed: neither going
// back nor forward again makes readable what was written meanwhile.
const SchemaCrossed = "schema-crossed"

// soon is how long a deployment may be on its way: a period that begins within it counts as begun.
const soon = 24 * time.Hour

// schemaRules look at the dated periods of a configuration's schema_config: from a period's day on, data is written and
// looked for as it says (loki, operations/storage/schema, 3.7: "changing the schema").
func schemaRules() []rule {
	return []rule{{
		SchemaCrossed, "A period of Loki's schema that has begun is removed, changed or added: what was written since is no longer found.", schemaCrossed,
	}}
}

func schemaCrossed(s *scene, f *findings) error {
	for _, change := range s.kept() {
		for name, document := range change.before.documents() {
			was, is := periods(document), periods(change.after.documents()[name])
			if len(was) == 0 {
				continue
			}
			for _, from := range slices.Sorted(maps.Keys(was)) {
				if !s.begun(from) || reflect.DeepEqual(was[from], is[from]) {
					continue
				}
				what := "is changed"
				if is[from] == nil {
					what = "is not there any more"
				}
				place, err := s.placeOf(s.old, change.before, from)
				if err != nil {
					return err
				}
				f.add(dataLoss, change.Object, fmt.Sprintf("the schema since %s (%s, before) has begun and %s: what was written since then is not found.", from, place, what))
			}
			for _, from := range slices.Sorted(maps.Keys(is)) {
				if !s.begun(from) || was[from] != nil {
					continue
				}
				place, err := s.placeOf(s.new, change.after, from)
				if err != nil {
					return err
				}
				f.add(dataLoss, change.Object, fmt.Sprintf("the schema from %s (%s) is new and begins in the past: what was written since then is not found. "+
					"Write a day in the future.", from, place))
			}
		}
	}
	return nil
}

// periods are the entries of a schema_config by the day that they begin at.
func periods(document any) map[string]any {
	found := map[string]any{}
	for _, entry := range list(at(document, "schema_config", "configs")) {
		if from, ok := at(entry, "from").(string); ok {
			found[from] = entry
		}
	}
	return found
}

// begun says that a period's day is past, or nearly. A day that cannot be read is for the component to refuse.
func (s *scene) begun(from string) bool {
	day, err := time.Parse(time.DateOnly, from)
	return err != nil || day.Before(s.now.Add(soon))
}

// placeOf is the file and line at which a period stands.
func (s *scene) placeOf(t *Tree, i *item, from string) (string, error) {
	file := path.Join(i.folder, i.file)
	texts, err := t.Read([]string{file})
	if err != nil {
		return "", err
	}
	place := path.Join("clusters", s.cluster.Name, "rendered", file)
	text := string(texts[file])
	within := max(strings.Index(text, "schema_config"), 0)
	if found := regexp.MustCompile(`\bfrom["']?: *["']?` + regexp.QuoteMeta(from) + `\b`).FindStringIndex(text[within:]); found != nil {
		place += fmt.Sprintf(":%d", 1+strings.Count(text[:within+found[0]], "\n"))
	}
	return place, nil
}
