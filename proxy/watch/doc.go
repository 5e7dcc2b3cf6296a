// Package watch tells when files may have changed: at once where the system reports it, and by a slow poll where it does
// not (network file systems, a folder that appears later). It watches folders, not files, because a ConfigMap or Secret
// changes by a new target of the link ..data beside its files. Whether anything did change is for the caller to find out.
package watch
