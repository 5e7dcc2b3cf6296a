// Package trace sends spans of the proxy's own work to an OTLP receiver: one for each sampled request, with the route, the
// tenant and the status, and nothing that a client wrote. It owns the decision which requests are sampled and the queue of
// what waits to be sent, which is bounded and never waited for. Without a receiver there is nothing of it but a nil
// pointer.
package trace
