// Package gcpfake is as much of Google Cloud as bootstrap uses, in memory and over HTTP, spoken to by Google's own clients.
// It shows things late, throttles, takes minutes, refuses to delete what is used, knows accounts and pools only some time
// after they were made, keeps names of deleted things, and makes what Kubernetes would make. It is there for tests.
package gcpfake
