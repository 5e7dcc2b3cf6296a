package importer

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/rule"
	"github.com/opsgen/opsgen/generator/tenant"
)

// Result is what was found.
type Result struct {
	// Files are the texts to write by their path below the tenant's folder.
	Files map[string]string `json:"-"`
	// Took are the things that Files holds.
	Took []Item `json:"took"`
	// Left are the things that it does not hold.
	Left []Item `json:"left"`
	// Other is the number of objects that have nothing to do with a tenant, by kind.
	Other map[string]int `json:"other,omitempty"`
	// Secrets are those that alertmanager.yaml refers to, as NAME/KEY, with what each was before.
	Secrets []Item `json:"secrets,omitempty"`
	// Warnings are about files that were taken: rules that get in each other's way, and the like.
	Warnings document.Problems `json:"warnings,omitempty"`
}

// Item is one thing that was found.
type Item struct {
	// From is where it stood: the file, and the object in it.
	From string `json:"from"`
	// To is the file that it becomes below the tenant's folder; empty for what was left.
	To string `json:"to,omitempty"`
	// Note says what it is, or why it was left.
	Note string `json:"note,omitempty"`
}

// Read reads files and folders. root is where their names are relative to. What cannot be taken is in the result; the
// error is about paths that cannot be read at all.
func Read(ctx context.Context, root string, paths []string) (*Result, error) {
	r := &reader{Result: &Result{Files: map[string]string{}, Took: []Item{}, Left: []Item{}, Other: map[string]int{}}}
	files, err := r.list(ctx, root, paths)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.file(f)
	}
	r.alertmanager()
	r.clashes()
	return r.Result, nil
}

// reader collects a Result.
type reader struct {
	*Result
	// configurations and templates are of Alertmanagers; they become files at the end, when all are known.
	configurations []configuration
	templates      map[string]found
	groups         []rule.Group
	total          int
}

type found struct{ from, text string }

func (r *reader) leave(from, format string, args ...any) {
	r.Left = append(r.Left, Item{From: from, Note: fmt.Sprintf(format, args...)})
}

// take keeps a text under a name, unless it holds a secret or does not fit.
func (r *reader) take(from, to, text, note string) bool {
	if secrets := alerting.Literals(from, []byte(text)); len(secrets) > 0 {
		r.leave(from, "%s in line %d; nothing with a secret is written into Git", secrets[0].Message, secrets[0].Line)
		return false
	}
	switch folder := path.Dir(to); {
	case len(text) > tenant.MaxFile:
		r.leave(from, "it has %d bytes; at most %d fit into a ConfigMap", len(text), tenant.MaxFile)
		return false
	case r.total+len(text) > tenant.MaxTotal:
		r.leave(from, "with it the tenant would have more than %d bytes of files", tenant.MaxTotal)
		return false
	case r.count(folder) >= tenant.MaxFiles:
		r.leave(from, "there are %d files for %s/ already, and no more are read", tenant.MaxFiles, folder)
		return false
	}
	to, known := r.free(to, text)
	if known {
		r.leave(from, "it is the same as %s", to)
		return false
	}
	r.Files[to] = text
	r.total += len(text)
	r.Took = append(r.Took, Item{From: from, To: to, Note: note})
	return true
}

func (r *reader) count(folder string) int {
	n := 0
	for name := range r.Files {
		if path.Dir(name) == folder {
			n++
		}
	}
	return n
}

// free is a name that is not taken by another text; known says that this text has it already.
func (r *reader) free(name, text string) (free string, known bool) {
	ending := path.Ext(name)
	stem := strings.TrimSuffix(name, ending)
	for i := 2; ; i++ {
		other, taken := r.Files[name]
		if !taken {
			return name, false
		}
		if other == text {
			return name, true
		}
		name = fmt.Sprintf("%s-%d%s", stem, i, ending)
	}
}

var unfit = regexp.MustCompile(`[^a-z0-9._-]+`)

// maxName is the longest name of a file without its ending.
const maxName = 80

// fileName makes a name of an object or a file into one that a tenant's folder may have.
func fileName(name string) string {
	plain := strings.Trim(unfit.ReplaceAllString(strings.ToLower(name), "-"), "-._")
	if len(plain) > maxName {
		plain = plain[:maxName]
	}
	if plain == "" {
		plain = fmt.Sprintf("imported-%x", sha256.Sum256([]byte(name)))[:15]
	}
	return plain
}

// clashes warns about rules of different files that get in each other's way.
func (r *reader) clashes() {
	r.Warnings = append(r.Warnings, rule.Clashes(r.groups, rule.Options{})...)
	if len(r.Other) == 0 {
		r.Other = nil
	}
}

// Targets are the paths of the files to write, sorted.
func (r *Result) Targets() []string { return slices.Sorted(maps.Keys(r.Files)) }
