// Package price is what resources cost a month: a dated table of list prices in the repository (prices.yaml), which a file
// of one's own can override, and the amounts that follow from a cluster's capacity. Every price in the table is an
// estimate until somebody has compared it with a bill; the table says where each is from.
package price
