// Package alerting is a tenant's Alertmanager configuration: alertmanager.yaml and templates/*.tmpl. It is read by
// Alertmanager's own code, held to what Cortex allows a tenant, and asked whom an alert would reach. It also owns the
// references ${secret:name/key} that stand for secrets in Git, and finds secrets that are written out.
package alerting
