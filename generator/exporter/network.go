package exporter

import (
	"fmt"
	"net/netip"
	"slices"
)

// Private are the networks that exporters do not reach unless they are named: those of RFC 6890 that are no public
// addresses. bases/lib/net.libsonnet writes the same list into network policies; a test compares them.
//
// The threat: the predecessor's blackbox exporter asked whatever address a tenant wrote, the API server and the cloud's
// metadata service included, and so lent the cluster's place in the network to every tenant.
func Private() []netip.Prefix {
	return prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4")
}

// never are networks that nobody may name: the pod itself, the node's neighbours with the cloud's metadata service, and
// what is no address of one machine.
func never() []netip.Prefix {
	return prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4")
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Network reads a network that exporters shall reach ("10.20.4.0/24"). The error says what is wrong, and what to write
// instead.
func Network(text string) (netip.Prefix, error) {
	network, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return network, fmt.Errorf("%q is not a network; write it as an address and a number of bits, such as 10.20.4.0/24", text)
	case !network.Addr().Is4():
		return network, fmt.Errorf("%q is a network of IPv6, and exporters leave by IPv4 only", text)
	case network.Masked() != network:
		return network, fmt.Errorf("%q names an address in a network; write the network, %s, or the address alone, %s/32", text, network.Masked(), network.Addr())
	}
	for _, other := range never() {
		if network.Overlaps(other) {
			return network, fmt.Errorf("%q holds addresses of %s, which no exporter may reach: the pod itself, the cloud's metadata service, or no machine at all", text, other)
		}
	}
	return network, nil
}

// Within says whether a network is part of one of others. What cannot be read is part of none.
func Within(text string, others []string) bool {
	network, err := Network(text)
	return err == nil && slices.ContainsFunc(others, func(other string) bool {
		outer, err := Network(other)
		return err == nil && outer.Bits() <= network.Bits() && outer.Contains(network.Addr())
	})
}

// reachable says whether an address may be asked: it is public, or in one of the networks.
func reachable(address netip.Addr, networks []string) bool {
	holds := func(p netip.Prefix) bool { return p.Contains(address) }
	if !slices.ContainsFunc(Private(), holds) {
		return true
	}
	return slices.ContainsFunc(networks, func(text string) bool {
		network, err := Network(text)
		return err == nil && holds(network)
	})
}
