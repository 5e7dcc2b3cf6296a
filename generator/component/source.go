package component

import _ "embed"

// Types is the text of component.go: its comments are the descriptions in the published schema and reference.
//
//go:embed component.go
var Types string
