// Package secret makes the random secrets that only the cluster needs to know (credentials of the bundled object storage,
// the key with which a Grafana encrypts its database), once, and never touches them again. What exists is left alone,
// whoever made it; of several namespaces that share a secret, the ones without it get the values of the ones that have
// it. It needs the right to create these Secrets and to read them by name, and none to change, list or delete any.
package secret
