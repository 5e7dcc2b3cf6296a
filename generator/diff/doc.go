// Package diff says what a change means in the clusters: which objects and fields differ between two states of the
// repository, what restarts, and what a reviewer must see first, in words. It compares structures and not lines, also
// those inside of ConfigMaps, and writes the result for a terminal, a program or a pull request.
package diff
