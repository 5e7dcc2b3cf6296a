// Package rule is the alerting and recording rules of a tenant: the files of rules/ (PromQL) and rules/logs/ (LogQL).
// It reads them strictly, has each expression, label and template parsed by Prometheus' own code, and warns about what is
// valid but will not do what its author wants. LogQL itself is parsed by a separate program, logqlcheck, since Loki's
// licence does not permit linking its parser.
package rule
