// Package node makes one machine of a bed: namespaces of its own (mounts, network, processes, host name, IPC, cgroups)
// in which containerd, kubelet, kube-proxy and the policy agent run as on any node. The namespaces' first process owns
// everything in them, so that its end, by whatever cause, ends the processes and frees the mounts, links and rules.
// What lies outside, the node's cgroups and its folder, is removed by Remove.
package node
