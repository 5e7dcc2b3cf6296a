package render

import (
	"fmt"
	"path"
	"strings"

	"github.com/pmezard/go-difflib/difflib"

	"github.com/opsgen/opsgen/generator/tree"
)

// Bounds of a diff, so that a person can read it.
const (
	diffFiles = 10
	diffLines = 30
)

// diff shows the first changed files, a few lines each.
func (s *session) diff(p *plan, state *tree.State, changes []tree.Change) (string, error) {
	texts := map[string]map[string]string{}
	var b strings.Builder
	for i, change := range changes {
		if i == diffFiles {
			fmt.Fprintf(&b, "… and %d more files\n", len(changes)-diffFiles)
			break
		}
		fmt.Fprintf(&b, "%-8s %s\n", change.Kind, path.Join(p.renderedPath(""), change.File))
		if change.Kind != "changed" {
			continue
		}
		folder := path.Dir(change.File)
		if texts[folder] == nil {
			var err error
			if texts[folder], err = s.textsOf(p, folder); err != nil {
				return "", err
			}
		}
		old, err := state.Text(change.File)
		if err != nil {
			return "", fmt.Errorf("compare %s: %w", change.File, err)
		}
		lines, err := unified(string(old), texts[folder][path.Base(change.File)])
		if err != nil {
			return "", err
		}
		b.WriteString(lines)
	}
	return b.String(), nil
}

func (s *session) textsOf(p *plan, folder string) (map[string]string, error) {
	byName := map[string]string{}
	for _, u := range p.units {
		if u.path() != folder {
			continue
		}
		texts, err := u.loadTexts(s)
		if err != nil {
			return nil, err
		}
		for _, t := range texts {
			byName[t.Name] = t.Text
		}
	}
	return byName, nil
}

func unified(old, current string) (string, error) {
	text, err := difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: difflib.SplitLines(old), B: difflib.SplitLines(current), Context: 1,
	})
	if err != nil {
		return "", err
	}
	lines := strings.SplitAfter(text, "\n")
	if len(lines) > diffLines {
		lines = append(lines[:diffLines], fmt.Sprintf("… and %d more lines\n", len(lines)-diffLines))
	}
	return strings.Join(lines, ""), nil
}
