// Package advice weighs the inputs of a cluster against each other, as an operator with experience would in a review: the
// bundle, cluster.yaml, the tenants that live there and the sizes that follow. What cannot work, or would lose data without
// anybody having asked for it, is refused; what is risky but may be meant is a warning. The rules are a table; each says
// what it is for.
package advice
