// Package cache keeps the results of rendering in the user's cache folder, by the hash of everything that they were
// made from. It may be deleted at any time; a damaged entry is a missing one.
package cache
