// Package aws will create clusters on AWS. Nothing of it is there yet: it refuses, and says what to do meanwhile.
package aws
