package document

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// meantField is the end of what reading says of a misspelt field.
var meantField = regexp.MustCompile(`did you mean "([^"]+)"\?$`)

// All are the problems of reading a file, as Decode gives them, and those of the values that could be read, by their place:
// somebody who writes a file wants all at once. What could not be read, or stands under a misspelt name, is empty or has
// its default: that is no second problem. Messages about values begin with their path, as a Collector's do.
func All(reading error, values Problems) error {
	var problems Problems
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
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Line - b.Line })
	return problems.Err()
}
