// Package tenant is one team: the types of tenants/<name>/tenant.yaml, their defaults, and the rules for names.
package tenant
