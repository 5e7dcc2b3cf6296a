// Package tree is a cluster's rendered/ folder: what opsgen wrote there, what somebody else did, and how a new tree
// takes the old one's place at once. Every folder that opsgen writes holds an index.json with the hashes of its files;
// whatever is not in an index belongs to somebody else.
package tree
