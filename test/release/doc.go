// Package release is about what a version of the bundle publishes, made as the release workflow makes it: images that reach
// a registry whole, the same bytes from another folder and an empty cache, and a bill of materials. It owns no code beside
// its tests, which compile for minutes.
package release
