// Package certificate holds the certificates of a TLS listener: it reads them from mounted folders and finds the one that
// a handshake asks for. A Set never changes; a renewal is a new Set. It also owns the TLS settings that every listener of
// the proxy has: versions, cipher suites and protocols.
package certificate
