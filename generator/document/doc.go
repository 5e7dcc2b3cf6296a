// Package document reads the YAML files that people write. It decodes them strictly into typed structs (unknown,
// duplicate and misplaced fields are refused), remembers where every value stands, and collects all problems of a
// file at once, each with file, line, column, what is wrong and what to write instead.
package document
