// Package bootstraptest runs the built program bootstrap against the bed, as people do: it plans, brings the bundle up, is
// killed on the way, goes on, finds nothing to do, and takes everything away again.
package bootstraptest
