// Package rendered finds what a rendered cluster says about Cortex: its configuration, the limits of tenants, and the exact
// command line of each of its processes, with files looked up through the volumes that the pod mounts.
package rendered
