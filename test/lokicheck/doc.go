// Lokicheck reads the configuration in rendered clusters with Loki's own code: strictly, with the exact command line,
// environment and files of every container of Loki, and with the limits of tenants, which Loki itself reads only after
// it has started. Its tests do the same with everything that opsgen rendered. It is a module of its own because Loki
// needs other versions of some libraries than the generator, and another licence (LICENSE.md).
package main
