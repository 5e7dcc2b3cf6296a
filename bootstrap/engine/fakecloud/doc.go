// Package fakecloud is a small cloud in memory, as unpleasant as real ones: what was made is not seen at once, what is
// used cannot be deleted, things take minutes, calls are throttled, and Kubernetes makes load balancers in it that nobody
// asked for. It is spoken to over HTTP, and is there to test package engine.
package fakecloud
