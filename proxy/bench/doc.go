// Command bench measures what the proxy costs: processor time a request (user and system, as the kernel counts it for the
// proxy's process), latency, memory and allocations, beside a bare httputil.ReverseProxy, nginx and haproxy in the same
// run. Contenders take turns in every round, in reversed order in every second one, so that a busy machine disturbs all
// of them alike; the ratio to the bare reverse proxy of the same round is the figure to compare.
//
//	go run ./proxy/bench -rounds 3 -duration 4s
//
// nginx and haproxy are taken when they are installed (apt-get install nginx-light haproxy), and are named as missing
// otherwise. Everything listens on loopback.
package main
