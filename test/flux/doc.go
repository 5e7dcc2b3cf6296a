// Package flux installs Flux from a rendered cluster, in the order that the documentation names, and watches it bring the
// cluster up. It changes nothing but by that first installation and by asking Flux to look at Git now.
package flux
