// Package sizing turns a cluster's capacity, written in the users' terms, into replicas, requests and volumes. It is a
// pure function: the same cluster.yaml and the same number of tenants give the same sizes. Every figure's source stands
// beside it in figures.go; docs/sizing.md explains them.
//
// Two properties hold for every workload and are tested. More capacity never yields less, in any field: a pod grows up to
// a largest size, and from then on the number of pods grows while their size stays. That matters because a volume cannot
// shrink and a StatefulSet's volume template cannot change. And no pod is larger than half of a node with 8 CPU and 32 GiB,
// as long as the topology is microservices and the capacity is within the range of the sources.
package sizing
