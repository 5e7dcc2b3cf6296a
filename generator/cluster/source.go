package cluster

import _ "embed"

// Types is the text of cluster.go: its comments are the descriptions in the published schema and reference.
//
//go:embed cluster.go
var Types string
