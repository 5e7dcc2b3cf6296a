// Package fork is a team's fork of the repository, as stories on the bed use it: a copy of the files that opsgen renders
// from, which is edited, rendered, committed, tagged and pushed as people do. It owns the copy's folder and nothing else;
// the repository that the tests run in is never changed.
package fork
