// Package revision reads commits of the repository through the git program: it resolves what people call a revision,
// lists and reads a commit's files, says what changed since, and writes a commit's inputs into a folder where they can be
// rendered. It never writes to the repository, and runs nothing that a commit brings, such as filters or hooks.
package revision
