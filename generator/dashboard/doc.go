// Package dashboard is a tenant's Grafana dashboard as a file in Git: whether Grafana will load it, whether its panels
// refer to data sources that every tenant has, and whether their queries can be parsed. It knows classic JSON (v1), which
// is what Grafana provisions from files, and names each mistake with its place.
package dashboard
