// Cortexcheck reads a configuration of Cortex with Cortex' own code: strictly, with the flags of the process that is to
// run it, and with the limits of tenants, which Cortex itself reads only after it has started. Its tests do the same with
// everything that opsgen rendered. It is a module of its own because Cortex and the generator need different versions of
// the same libraries.
package main
