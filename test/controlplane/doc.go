// Package controlplane makes a cluster's control plane: keys and tokens, and the processes of etcd, the API server, the
// controllers and the scheduler. It owns the folder they keep their state in. It starts nothing: the processes run
// inside a real node, or beside fake ones.
package controlplane
