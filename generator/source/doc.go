// Package source fetches the pinned third-party packages of versions.yaml (Go modules, charts in registries, chart
// archives), checks them against their sums, and opens them as file systems. It owns the cache of what was fetched and
// the vendor folder for places without network. Nothing is ever read from a package whose sum does not match.
package source
