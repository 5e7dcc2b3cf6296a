// Package ruletest runs unit tests of rules, written in the format of promtool. It evaluates the rules with Prometheus'
// own engine over series that the test brings, within a time and a number of samples that are bounded. Its verdicts are
// promtool's; test/promtoolcheck proves that on a corpus.
package ruletest
