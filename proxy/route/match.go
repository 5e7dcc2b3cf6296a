package route

import (
	"strings"
)

// routes are the paths of one host.
type routes struct {
	component string
	paths     map[string]*methods
	patterns  []pattern
}

// methods are the routes of one path; there are few, so that a list beats a map.
type methods struct {
	allow string
	list  []method
}

type method struct {
	name  string
	match *Match
}

// pattern is a path with a name in it: prefix, name, suffix; or, with two names, prefix, name, "/", name.
type pattern struct {
	prefix, suffix string
	kind           parameter
	rewrite        string // what the upstream has in place of prefix
	methods        *methods
}

// parameter says what stands for the name.
type parameter int

const (
	oneName   parameter = iota // a segment without encoded slashes and the like
	oneRule                    // a rule namespace, as it came
	twoRules                   // a rule namespace and a group, as they came
	manyNames                  // segments, as of files below a folder
)

func newRoutes(component string) *routes {
	return &routes{component: component, paths: map[string]*methods{}}
}

func (r *routes) match(path, method string) (*Match, *Problem) {
	if found, known := r.paths[path]; known { // an exact hit needs no further check: the table's paths are safe
		match := found.of(method)
		if match == nil {
			return nil, wrongMethod(r.component, found.allow)
		}
		return match, nil
	}
	if !loose(path) {
		return nil, badPath(r.component)
	}
	for i := range r.patterns {
		p := &r.patterns[i]
		rest, fits := p.fits(path)
		if !fits {
			continue
		}
		match := p.methods.of(method)
		if match == nil {
			return nil, wrongMethod(r.component, p.methods.allow)
		}
		filled := *match
		filled.Path = path
		if p.rewrite != p.prefix {
			filled.Path = p.rewrite + rest
		}
		return &filled, nil
	}
	if !plain(path) {
		return nil, badPath(r.component)
	}
	return nil, notFound(r.component)
}

func (p *pattern) fits(path string) (rest string, fits bool) {
	rest, fits = strings.CutPrefix(path, p.prefix)
	if !fits {
		return "", false
	}
	name, fits := strings.CutSuffix(rest, p.suffix)
	if !fits || name == "" {
		return "", false
	}
	switch p.kind {
	case oneName:
		return rest, strings.IndexByte(name, '/') < 0 && plain(path)
	case oneRule:
		return rest, ruleName(name)
	case twoRules:
		space, group, two := strings.Cut(name, "/")
		return rest, two && ruleName(space) && ruleName(group)
	default:
		return rest, name[len(name)-1] != '/' && plain(path)
	}
}

func (m *methods) of(name string) *Match {
	for i := range m.list {
		if m.list[i].name == name {
			return m.list[i].match
		}
	}
	return nil
}

func (m *methods) add(names string, match Match) {
	for name := range strings.FieldsSeq(names) {
		if m.of(name) == nil {
			m.list = append(m.list, method{name: name, match: &match})
		}
	}
	all := make([]string, len(m.list))
	for i := range m.list {
		all[i] = m.list[i].name
	}
	m.allow = strings.Join(all, ", ")
}

// at adds a route: methods separated by spaces, the path in the proxy, and what it is. A path that is there already keeps
// its routes: the first component wins, which is how a path that both have is Cortex's under any other host.
func (r *routes) at(names, path string, match Match) {
	if r.paths[path] == nil {
		r.paths[path] = &methods{}
	}
	r.paths[path].add(names, match)
}

func (r *routes) pattern(names string, p pattern, match Match) {
	for i := range r.patterns {
		old := &r.patterns[i]
		if old.prefix == p.prefix && old.suffix == p.suffix && old.kind == p.kind {
			old.methods.add(names, match)
			return
		}
	}
	p.methods = &methods{}
	p.methods.add(names, match)
	r.patterns = append(r.patterns, p)
}
