// Package render turns a repository into the manifests of its clusters: load, plan, evaluate, finish, check, write. It
// is a pure function of the repository's files; a content-addressed cache lets a second run do only what changed.
package render
