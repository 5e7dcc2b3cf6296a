// Package display shows a run of bootstrap while it happens: one line a phase with its bar on a terminal, and one line an
// event in a pipe. It writes to stderr and decides nothing.
package display
