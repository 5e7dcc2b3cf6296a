// Package check is everything that is verified about rendered objects before they are written: that the API server
// accepts them (package schema), that they keep the platform's policies, that what they refer to exists and can be
// reached, and that the configuration inside them avoids what is known to hurt operators. It reports findings, each by
// a named rule and with what to write instead; an object may waive some rules with a reason.
package check
