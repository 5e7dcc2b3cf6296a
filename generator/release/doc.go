// Package release makes deployment tags. It owns the numbering of a fork's deployments (docs/decisions/0006), every reason
// to refuse one, and the summary of changes that the tag's message holds. It writes nothing but the tag.
package release
