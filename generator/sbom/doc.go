// Package sbom writes the bundle's bill of materials in the CycloneDX format: its sources, its images and the Go modules of
// our own programs. It owns how each is named (package URLs), what is known of its licence, and that the same commit gives
// the same bytes.
package sbom
