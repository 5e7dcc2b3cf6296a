// Package sizing turns a cluster's capacity, written in the users' terms, into replicas, requests and volumes. Every
// figure's source stands beside it; docs/sizing.md explains them.
package sizing
