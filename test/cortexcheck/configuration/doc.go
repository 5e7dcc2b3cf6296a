// Package configuration reads Cortex' configuration the way Cortex does when it starts.
package configuration
