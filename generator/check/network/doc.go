// Package network evaluates NetworkPolicies without a cluster: may this pod send to that one. It follows the semantics
// of networking.k8s.io/v1: a pod that no policy selects in a direction is open in it, one that is selected is closed
// but for what some policy allows.
package network
