package tenant

import _ "embed"

// Types is the text of tenant.go: its comments are the descriptions in the published schema and reference.
//
//go:embed tenant.go
var Types string
