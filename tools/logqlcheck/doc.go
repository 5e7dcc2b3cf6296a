// Command logqlcheck parses LogQL with Loki's own parser. It reads queries as JSON from its standard input, writes what is
// wrong with them to its standard output, and ends. It is a program and a module of its own, under the licence of Loki
// (see LICENSE.md): opsgen runs it as a process and is never linked with it.
package main
