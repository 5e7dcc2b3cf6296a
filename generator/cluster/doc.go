// Package cluster is what one cluster is to be: the types of clusters/<name>/cluster.yaml, their defaults and the
// rules that hold within one file. Rules that weigh several inputs against each other are in package advice.
package cluster
