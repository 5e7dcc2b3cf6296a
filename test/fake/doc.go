// Package fake makes nodes that only say that they run pods: for zones, for scale, and where nobody is root. It owns the
// stages by which kwok plays a kubelet. Pods on them become ready without any process, image, network or volume.
package fake
