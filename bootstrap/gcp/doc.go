// Package gcp will create clusters on Google Cloud. Nothing of it is there yet: it refuses, and says what to do meanwhile.
package gcp
