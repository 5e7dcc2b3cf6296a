// Package proxytest starts a whole proxy for tests: its own certificates, keys, tenants and configuration in a temporary
// folder, real listeners on loopback, and upstreams that remember what reached them. A test changes files as a cluster
// would, and sends what a client would. Nothing outside tests uses it.
package proxytest
