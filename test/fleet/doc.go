// Package fleet is about clusters in full size, on nodes that run nothing: every rendered object before the real API
// server, Flux itself as processes, zones that are rolled one by one, and tenants that come and go. It owns what is played
// beside kwok because nobody runs who would do it: certificates and volumes of a cloud. It needs no root.
package fleet
