// Package rendered reads the manifests of a rendered cluster and says what single containers would find when they start:
// command line, environment and the files of mounted ConfigMaps.
package rendered
