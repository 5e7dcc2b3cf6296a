// Package sidecar lets programs of a pod into the proxy that know nothing of tokens. It listens on loopback, adds the
// pod's own fresh service-account token to each request, and forwards it to the proxy's internal listener over TLS. It
// owns no secret: the token and the authority are files that the cluster renews, and are read again when they change.
package sidecar
