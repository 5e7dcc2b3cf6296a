// Package validation checks what people write in a repository, without rendering it: clusters and tenants against each
// other, rules and their tests, Alertmanager configurations, dashboards, and secrets that must not be in Git. It says
// what is wrong with file, line and column, for a terminal, a program, SARIF readers and annotations on GitHub.
package validation
