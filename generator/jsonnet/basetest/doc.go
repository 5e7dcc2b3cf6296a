// Package basetest evaluates one base in a test of its own, as the generator would, and finds its objects. It knows nothing
// of clusters and tenants: a test writes what the base is called with. Whole clusters are tested by generator/render.
package basetest
