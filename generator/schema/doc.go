// Package schema publishes the types of the input files: as JSON Schemas, with which editors complete and check, and as
// a reference for people. Both are made from the Go types and their comments, so that they cannot differ from what is
// read.
package schema
