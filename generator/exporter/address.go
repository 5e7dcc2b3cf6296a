package exporter

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The ways to probe.
const (
	proberHTTP = "http"
	proberTCP  = "tcp"
	proberDNS  = "dns"
	proberGRPC = "grpc"
)

// dnsPort is where name servers listen.
const dnsPort = 53

// maxAddress bounds what is a label of every series.
const maxAddress = 1000

// endpoint is where a target's packets go.
type endpoint struct {
	host string
	port int
}

// locate reads a target's address for a prober.
func locate(address, prober string) (endpoint, error) {
	if len(address) > maxAddress {
		return endpoint{}, fmt.Errorf("has %d bytes; at most %d are a label", len(address), maxAddress)
	}
	if prober == proberHTTP {
		return locateURL(address)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil && prober == proberDNS && !strings.Contains(address, ":") {
		host, port, err = address, strconv.Itoa(dnsPort), nil
	}
	number, portErr := strconv.ParseUint(port, 10, 16)
	if err != nil || portErr != nil || number == 0 || host == "" {
		return endpoint{}, fmt.Errorf("is %q, and module %s needs a host and a port, such as db.example.com:5432", address, prober)
	}
	return endpoint{host, int(number)}, nil
}

func locateURL(address string) (endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return endpoint{}, fmt.Errorf("is no URL that begins with http:// or https://")
	}
	if u.User != nil {
		return endpoint{}, errors.New("has a name or a password in it, which everybody reads; write basicAuth in a module")
	}
	port := map[string]int{"http": 80, "https": 443}[u.Scheme]
	if u.Port() != "" {
		number, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || number == 0 {
			return endpoint{}, fmt.Errorf("has the port %q; write one from 1 to 65535", u.Port())
		}
		port = int(number)
	}
	return endpoint{u.Hostname(), port}, nil
}

var hostName = regexp.MustCompile(`^([a-zA-Z0-9_]([-a-zA-Z0-9_]*[a-zA-Z0-9_])?\.)*[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?\.?$`)

// inside are endings of names that lead into the cluster or to a private network.
func inside() []string {
	return []string{".svc", ".cluster.local", ".local", ".internal", ".localdomain"}
}

// refused says why a host may not be asked; nil where it may. Names are resolved by the exporter: what they lead to is
// closed by its network policy, and here only what is plain to see is said early.
func refused(host string, networks []string) error {
	if address, err := netip.ParseAddr(host); err == nil {
		switch {
		case !address.Is4():
			return fmt.Errorf("is an address of IPv6, and exporters leave by IPv4 only")
		case slices.ContainsFunc(never(), func(p netip.Prefix) bool { return p.Contains(address) }):
			return fmt.Errorf("is %s, which no exporter may reach", address)
		case !reachable(address, networks):
			return fmt.Errorf("is %s, a private address; name its network in exporters.networks, where the cluster's owner allows it", address)
		}
		return nil
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	private := !strings.Contains(name, ".") || slices.ContainsFunc(inside(), func(ending string) bool { return strings.HasSuffix(name, ending) })
	switch {
	case !hostName.MatchString(host):
		return fmt.Errorf("has the host %q, which is neither a name nor an address", host)
	case name == "localhost" || strings.HasSuffix(name, ".localhost"):
		return fmt.Errorf("is %s, the exporter itself", name)
	case private && len(networks) == 0:
		return fmt.Errorf("has the host %s, which is not public; name its network in exporters.networks, where the cluster's owner allows it", name)
	}
	return nil
}
