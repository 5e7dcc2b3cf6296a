// Package jsonnet evaluates the bases. Imports stay inside the repository, third-party files are read only from
// declared sources, and errors name file, line and column.
package jsonnet
