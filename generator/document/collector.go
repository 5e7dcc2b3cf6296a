package document

import "fmt"

// Collector gathers what is wrong with one document while its values are checked.
type Collector struct {
	// Document is what is checked; one that was not read from a file has no places.
	Document *Document
	// Problems are what was found so far.
	Problems Problems
}

// Fail reports a problem at a path. The path begins the message, since the reader may have no file to look into.
func (c *Collector) Fail(path, hint, format string, args ...any) {
	c.Problems = append(c.Problems, c.Document.Problem(path, path+" "+fmt.Sprintf(format, args...), hint))
}
