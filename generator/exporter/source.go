package exporter

import _ "embed"

// Types is the text of types.go: its comments are the descriptions in the published schema and reference.
//
//go:embed types.go
var Types string
