// Package exporter is the section exporters of a tenant.yaml: programs that fetch a team's metrics from where they are,
// a cloud's monitoring or probes from outside. It has the types, their defaults, and what may not be written. Credentials
// are not among it: an exporter is somebody in a cloud by its service account, or refers to a Secret by its name.
package exporter
