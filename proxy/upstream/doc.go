// Package upstream owns the way of an admitted request to Cortex, Loki or a tenant's Grafana and of the answer back: the
// connections, which of a Service's addresses is asked, what headers cross, when an attempt is given up, and WebSockets.
// Bodies are streamed in both directions through pooled buffers of 32 kB and never held. It decides nothing about who may
// ask: the caller has authenticated, routed and limited the request before.
//
// # What is never done
//
// A status of an upstream is never changed, and a failure of an upstream is never a 4xx: an agent drops what a 4xx
// answers. No request is sent a second time once a byte of it may have left, unless it only reads and has no body.
// HTTP/2 is spoken to https upstreams that offer it (ALPN) and to h2c ones; to http ones it is HTTP/1.1 with kept
// connections. WebSockets come over HTTP/1.1; extended CONNECT (RFC 8441) is not offered. Trailers and informational answers
// end here.
package upstream
