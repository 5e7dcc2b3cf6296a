// Package awsfake is as much of AWS as bootstrap uses, in memory and over HTTP, spoken to by AWS' own SDK. It shows things
// late, throttles, takes minutes, remembers client tokens, refuses to delete what is used, makes what Kubernetes would make,
// and refuses parameters and fields that it does not know. It is there for tests.
package awsfake
