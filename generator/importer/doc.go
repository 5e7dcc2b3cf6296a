// Package importer turns what an existing kube-prometheus-stack has into a tenant's folder: PrometheusRule objects and
// rule files, Alertmanager configurations and the Secrets that hold them, dashboards in ConfigMaps and in JSON. It writes
// nothing that a render or a check would refuse, no secret at all, and says of everything else why it was left.
package importer
