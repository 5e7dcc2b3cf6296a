// Package frontdoor uses a running bundle as its tenants do: over TLS at the load balancer's address, with a token. It owns
// how samples and log lines are written and counted again, so that a story can tell each one that was lost, doubled or
// given to somebody else.
package frontdoor
