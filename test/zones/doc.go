// Package zones is about workloads that exist once in each zone, and that a release goes through the zones one by one. It
// owns the watch that sees in which order they are changed, and whether each was ready before the next.
package zones
