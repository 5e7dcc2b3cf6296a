// Package datadog takes what Datadog agents send (metrics, sketches, service checks, logs and host tags) and writes it
// to Cortex as Prometheus remote write 1.0 and to Loki as its push format. It owns how an agent's types, names and tags
// become series and streams, the bounds on them, and the answers that make an agent keep or drop its data. It keeps no
// samples: a replica of the proxy knows nothing but the host tags and the tag values that it saw lately, so that any
// replica may take any payload.
//
// docs/datadog.md is the same for users: what each type becomes, with PromQL.
package datadog
