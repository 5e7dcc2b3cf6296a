// Package attack is the proof that the proxy lets nobody in who may not: a table of attacks, each sent to a whole proxy
// over real connections. It has tests only. No row may reach an upstream with another tenant than the caller's own, end
// the proxy, or leave goroutines behind.
package attack
