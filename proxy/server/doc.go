// Package server is the proxy's process: its listeners, what it reads from files and reads again, the way of a request
// from the handshake to the answer, the admin address, the access log, and how it ends without breaking anything. It
// decides nothing by itself: which route, which caller, which limit and which upstream are other packages' words, and
// this package asks them in the one order that is safe.
//
// # The order
//
// Host and server name agree; the route is found; the credential is read and verified; the scope allows the route; the
// tenant's host fits the tenant; the tenant's limits have a place; only then is a byte of the body read.
//
// # What is shared by requests
//
// One snapshot of everything that was read from files, which a reload replaces in one step. A request keeps the one that
// it began with.
package server
