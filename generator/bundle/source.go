package bundle

import _ "embed"

// Types is the text of bundle.go: its comments are the descriptions in the published schema and reference.
//
//go:embed bundle.go
var Types string
