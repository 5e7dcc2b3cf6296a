// Package upgrade brings a fork to a new version of the upstream bundle. It owns which files of upstream's an upgrade may
// change, the three-way merge, and the branch that is the result. All of it happens in Git's object store and a temporary
// folder: the checkout is never touched, and the branch appears at the end, whole, or not at all.
package upgrade
