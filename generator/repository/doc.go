// Package repository is the Git repository that a team works in: its bundle, components, clusters and tenants, read
// strictly and all at once, so that one run shows every mistake.
package repository
