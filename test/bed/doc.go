// Package bed ties a cluster together out of real nodes, or of fake ones: addresses, the switch between the nodes, the
// warden that removes everything, the registry, load balancers' addresses and volumes. It owns the bed's folder and
// what of a bed is on the host: one link, cgroups, that folder. A program that uses it calls Internal first.
package bed
