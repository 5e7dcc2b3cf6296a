package source

import (
	"fmt"
	"strings"
)

// MismatchError says that a package is not the one that versions.yaml pins. It is never passed over.
type MismatchError struct {
	// Name is the source's name, Package what it is ("github.com/… v1.2.3"), Place where it was read, without credentials.
	Name, Package, Place string
	// Expected and Got are sums; Authority is who expected it ("versions.yaml", "the checksum database sum.golang.org").
	Expected, Got, Authority string
	// Hint is what to do, in full sentences.
	Hint string
}

// Error gives both sums, below each other, and what to do.
func (e *MismatchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %s: %s from %s is not what was pinned; it is not used\n", e.Name, e.Package, e.Place)
	fmt.Fprintf(&b, "  expected %s (%s)\n", e.Expected, e.Authority)
	fmt.Fprintf(&b, "  got      %s", e.Got)
	if e.Hint != "" {
		b.WriteString("\n  " + e.Hint)
	}
	return b.String()
}
