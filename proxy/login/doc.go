// Package login lets people in to their tenant's Grafana. It owns the login by OpenID Connect at auth.<domain>, the
// session that each tenant's host then has of its own, and the signed identity that Grafana gets with each request.
// Nothing is stored: every cookie and the hand-over between hosts is sealed with a key that all replicas share, so that
// any replica may serve any request.
//
// # The way of a login
//
// A navigation to <tenant>.<domain> without a session gets an attempt: a sealed cookie of that host, which holds a
// secret and the path to return to, and a redirect to auth.<domain>/login, which learns the hash of the secret. There
// a second cookie, of the host auth, holds state, nonce and PKCE verifier while the person is at the provider. The
// callback redeems the code, verifies the ID token, compares the groups with the tenant's, and redirects to
// https://<tenant>.<domain>/-/session with a sealed code: valid for 30 seconds, for that host, and for the browser that
// holds the attempt. There the attempt is deleted and the session begins. The path to return to never leaves the
// tenant's host, so that no parameter can redirect anywhere.
//
// # What a session is
//
// A cookie that only its host gets, with who the person is and which of the tenant's groups the person was in at the
// login. The role follows from them and tenants.yaml at each request: taking a group's rights away there holds at the
// next reload, taking a person out of a group at the provider holds at the next login.
package login
