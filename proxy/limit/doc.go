// Package limit bounds what a tenant may take of one proxy process: requests a second, requests and streams at the same
// time, bytes a second, and the size of a body. It owns the counters; it knows neither routes nor tokens, and reads no
// files. Each process enforces the whole limit: an agent keeps its connections, and all of a tenant's may have come to one
// of several proxies, where a part of the limit would refuse what the tenant may send.
//
// # A fair share
//
// Nothing waits for a place: a request is let in or refused at once. A tenant is let in while what it holds is less than
// what is free, times share/(1-share). One greedy tenant so ends at its share of the process; with a share of one half,
// two end at a third each, three at a quarter each. A place for the next tenant is always left, whatever the others do.
// The rule is the dynamic threshold of Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
// switches", IEEE/ACM Transactions on Networking 6(2), 1998.
//
// # Bytes a second
//
// A body that names its length is paid for before it starts, and what was not read is given back when it is closed. A
// body of unknown length is paid for as it is read: a tenant without bytes left is slowed down, at most for MaxSlowdown
// in all, and never cut. Its debt is paid by the tenant's next bodies, which are refused until then.
package limit
