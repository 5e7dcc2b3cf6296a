// Package progress tells a person what a long run is doing, on standard error: a terminal gets a line that is
// rewritten, a pipe gets plain lines.
package progress
