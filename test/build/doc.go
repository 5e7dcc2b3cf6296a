// Package build makes the programs of the cluster bed. It owns the catalogue, which says from which pinned module each
// program comes and with which flags, and the cache in which a program is kept until its version, its flags or the sums
// of its modules change. What must come from the machine instead, such as runc, is listed by System.
package build
