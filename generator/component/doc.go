// Package component is one folder of bases/: what is deployed, in which layer, and made how. The files of the folder
// say what it makes: main.jsonnet or chart.jsonnet the component itself, zone.jsonnet the part of one zone,
// crds.jsonnet its custom resource definitions, tenants.jsonnet what depends on the list of tenants, and tenant.jsonnet
// what it adds to each tenant.
package component
