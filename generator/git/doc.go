// Package git runs the git program. It owns how a command is started, cancelled and explained, and what a tag is to Flux:
// which names are versions, and which objects make it fail. A library is not used on purpose: signing, credentials, proxies
// and merging are then exactly what the person's own git does, and git is needed anyway.
package git
