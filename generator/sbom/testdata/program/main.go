// Command program links one module, for a test that reads its modules.
package main

import "golang.org/x/mod/semver"

func main() { println(semver.Canonical("v1")) }
