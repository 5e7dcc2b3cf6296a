package config

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/generator/document"
)

// Parse reads proxy.yaml: strictly, with defaults filled in, and valid. The error is document.Problems, all problems at
// once; it names the file FileName.
func Parse(data []byte) (Config, error) {
	var c Config
	doc, err := document.Decode(FileName, data, &c)
	if doc == nil {
		return Config{}, err
	}
	c.SetDefaults()
	if err := both(err, c.problems(doc)); err != nil {
		return Config{}, err
	}
	return c, nil
}

// Validate reports everything that is wrong with a configuration that was not read from a file. Defaults must be set.
func (c *Config) Validate() error { return c.problems(&document.Document{File: FileName}).Err() }

// ParseTenants reads tenants.yaml strictly, or several such files that are one list together. The error is
// document.Problems, all problems at once; it names the file TenantsFileName. Limits that are left out stay 0:
// TenantLimits.Or fills them.
func ParseTenants(files ...[]byte) (Tenants, error) {
	var all Tenants
	for _, data := range files {
		var t Tenants
		doc, err := document.Decode(TenantsFileName, data, &t)
		if doc == nil {
			return Tenants{}, err
		}
		if err := both(err, t.problems(doc)); err != nil {
			return Tenants{}, err
		}
		all.Tenants, all.Callers = append(all.Tenants, t.Tenants...), append(all.Callers, t.Callers...)
	}
	if len(files) > 1 { // what is right alone may be in two files
		if err := all.Validate(); err != nil {
			return Tenants{}, err
		}
	}
	return all, nil
}

// Validate reports everything that is wrong with a list of tenants that was not read from a file.
func (t *Tenants) Validate() error {
	return t.problems(&document.Document{File: TenantsFileName}).Err()
}

// meantField is the end of what reading says of a misspelt field.
var meantField = regexp.MustCompile(`did you mean "([^"]+)"\?$`)

// both are the problems of reading a file and those of the values that could be read, by their place. What could not be
// read, or stands under a misspelt name, is empty or has its default: that is no second problem.
func both(reading error, values document.Problems) error {
	var problems document.Problems
	if reading != nil && !errors.As(reading, &problems) {
		return reading
	}
	unread, meant := map[[2]int]bool{}, map[string]bool{}
	for _, p := range problems {
		unread[[2]int{p.Line, p.Column}] = true
		if field := meantField.FindStringSubmatch(p.Message); field != nil {
			meant[field[1]] = true
		}
	}
	for _, p := range values {
		path, _, _ := strings.Cut(p.Message, " ")
		field := path[strings.LastIndexByte(path, '.')+1:]
		if !unread[[2]int{p.Line, p.Column}] && !meant[field] {
			problems = append(problems, p)
		}
	}
	slices.SortStableFunc(problems, func(a, b document.Problem) int { return a.Line - b.Line })
	return problems.Err()
}
