// Package promtoolcheck proves that opsgen test and the real promtool agree. Its tests build promtool from its module,
// run both programs on the same files, and compare what they say about each test. It is a module of its own, since
// promtool needs far more than opsgen links.
package promtoolcheck
