// Package token owns tenants' tokens: their format (a JWT), the public keys that they are checked with (jwks.json), the
// list of what was revoked (revocations.yaml), and how one is signed. The proxy verifies with it, opsgen issues with it,
// and the generator checks both files with it before they reach a cluster. It reads no file and keeps no state: whoever
// calls it brings the bytes and the clock.
package token
