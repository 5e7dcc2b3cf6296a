// Package identity says who calls: it takes the credential out of a request and turns it into a Caller, which names the
// tenant and what the caller may do. It verifies tenants' tokens with package token, and service-account tokens with the
// keys that the cluster's API server publishes, which it fetches and keeps. It remembers what it has verified, bounded in
// number and never beyond a token's own time.
//
// It does not decide what a caller may reach: routes name a scope, and the server compares.
package identity
