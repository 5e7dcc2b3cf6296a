package route

import (
	"net/http"
	"strings"
)

// target is the path of a request as it came over the wire, without the query.
func target(r *http.Request) (string, *Problem) {
	if r.Method == http.MethodConnect {
		// Threat: a tunnel to any address that the proxy can reach.
		return "", &Problem{Status: http.StatusMethodNotAllowed, Reason: "method", Detail: "CONNECT is not offered here"}
	}
	uri := r.RequestURI
	if uri == "" {
		uri = r.URL.EscapedPath() // not read from a connection
	}
	// Threat: "GET http://other/ HTTP/1.1". The host in the line beats the Host header in net/http, and not everywhere;
	// by the time it is here the header is gone, so that the two cannot be compared.
	if len(uri) == 0 || uri[0] != '/' || r.URL.Host != "" || r.URL.Scheme != "" || r.URL.User != nil || r.URL.Fragment != "" {
		return "", &Problem{Status: http.StatusBadRequest, Reason: "uri", Detail: "the request's target must be a path"}
	}
	path, _, _ := strings.Cut(uri, "?")
	return path, nil
}

// host is the name before the domain, in lower case. ours is false for a host that is not directly below the domain.
func (t *Table) host(r *http.Request) (name string, ours bool, problem *Problem) {
	// Threat: HTTP/2 has :authority and may have a host header too; what net/http does not take stays in the headers.
	if values, present := r.Header["Host"]; present && (len(values) != 1 || values[0] != r.Host) {
		return "", false, badHost()
	}
	host := r.Host
	if strings.HasPrefix(host, "[") {
		return "", false, nil // an IPv6 literal: only for pods that call the Service by address
	}
	if at := strings.IndexByte(host, ':'); at >= 0 {
		if !digits(host[at+1:]) {
			return "", false, badHost()
		}
		host = host[:at]
	}
	if !dnsName(host) {
		return "", false, badHost()
	}
	name, ours = strings.CutSuffix(strings.ToLower(host), t.domain) // ToLower allocates only where it changes something
	return name, ours && name != "" && strings.IndexByte(name, '.') < 0, nil
}

// dnsName says that a host is letters, digits, "-" and ".". Threat: "tenant.domain." is the same name in DNS, and another
// one to whoever compares strings (certificates, cookies, the other table); "a|b" is two tenants to Cortex.
func dnsName(host string) bool {
	for i := range len(host) {
		switch c := host[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.', c >= 'A' && c <= 'Z':
		default:
			return false
		}
	}
	return host != "" && host[len(host)-1] != '.'
}

func badHost() *Problem {
	return &Problem{
		Status: http.StatusBadRequest, Reason: "host", Detail: "the host must be a plain DNS name without a dot at its end",
	}
}

func digits(s string) bool {
	if s == "" || len(s) > 5 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// plain says that a path has one reading only: every program splits and decodes it alike. Encoded characters are allowed
// where their meaning cannot change the path's shape.
func plain(path string) bool { return safe(path, false) }

// loose is plain but for what one encoded name may hold: slashes, dots, semicolons and percent signs, encoded.
func loose(path string) bool { return safe(path, true) }

func safe(path string, names bool) bool {
	if path == "" || path[0] != '/' {
		return false
	}
	start := 1 // of the segment
	for i := 1; i < len(path); i++ {
		switch c := path[i]; {
		case c == '/':
			if !segment(path[start:i]) {
				return false
			}
			start = i + 1
		case c == '%':
			if i+2 >= len(path) || !encoded(path[i+1], path[i+2], names) {
				return false
			}
			i += 2
		case c <= ' ' || c >= 0x7f || strings.IndexByte(`\;#?`, c) >= 0:
			return false
		}
	}
	last := path[start:]
	return last == "" || segment(last)
}

// encoded says that two digits after "%" may be there. Threat: whoever decodes before splitting sees another path.
func encoded(high, low byte, names bool) bool {
	c, ok := unhex(high, low)
	if !ok || c < ' ' || c == 0x7f || c == '\\' {
		return false
	}
	return names || strings.IndexByte("/.;%", c) < 0
}

// segment refuses what moves up or is dropped by programs that clean paths.
func segment(s string) bool { return s != "" && s != "." && s != ".." }

// ruleName says that one encoded segment may be a namespace or a group: decoded it has no "." or ".." between slashes, so
// that a program that decodes too early still stays below the ruler's path.
func ruleName(s string) bool {
	if s == "" || len(s) > 1024 || strings.IndexByte(s, '/') >= 0 {
		return false
	}
	part := make([]byte, 0, 128) // what stands between two slashes
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			decoded, ok := byte(0), false
			if i+2 < len(s) {
				decoded, ok = unhex(s[i+1], s[i+2])
			}
			if !ok {
				return false
			}
			i += 2
			c = decoded
		}
		if c != '/' {
			part = append(part, c)
			continue
		}
		if !segment(string(part)) {
			return false
		}
		part = part[:0]
	}
	// Threat: decoded twice, "%252e%252e" would be "..".
	return segment(string(part)) && !strings.Contains(s, "%25")
}

func unhex(high, low byte) (byte, bool) {
	h, ok1 := nibble(high)
	l, ok2 := nibble(low)
	return h<<4 | l, ok1 && ok2
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
