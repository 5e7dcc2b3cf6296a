// Package fleet is about clusters in full size, on nodes that run nothing: every rendered object before the real API
// server, Flux itself as processes, and zones that are rolled one by one. It owns what is played beside kwok because
// nobody runs who would do it: certificates, and volumes of a cloud. It needs no root.
package fleet
