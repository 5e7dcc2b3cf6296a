// Package zones is about workloads that exist once in each zone: that a release goes through the zones one by one. It owns
// the watch that sees their order, and a story in which three real nodes, a zone each, serve while it happens.
package zones
