// Package keys owns the files with which a cluster's tokens are issued and checked: clusters/<name>/keys/ with the public
// keys and the revocations, which are committed, and the private keys, which never are. It knows no format of its own:
// what the files mean is package proxy/token's, and every change is checked by it before it is written.
package keys
