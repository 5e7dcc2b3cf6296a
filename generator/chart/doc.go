// Package chart renders a pinned Helm chart in this process, the same on every machine and at every time. It owns what
// is kept of a chart's output (objects) and what is not: hooks, custom resource definitions, notes, and every function
// that would make two renders differ.
package chart
