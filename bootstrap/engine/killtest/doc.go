// Package killtest proves that a run of bootstrap may be killed anywhere: it kills one before, during and after each of
// its calls to the cloud, runs it again, and compares what is there with what an undisturbed run makes. It also loses
// single answers and refuses single calls while the run lives. Everything happens in the fake time of testing/synctest,
// so that a control plane that takes ten minutes costs nothing.
package killtest
