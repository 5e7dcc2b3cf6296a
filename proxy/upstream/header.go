package upstream

import (
	"net/http"
	"net/textproto"
	"strings"

	"github.com/opsgen/opsgen/proxy/config"
)

// hopByHop are the headers of one connection (RFC 9110 §7.6.1, and what is in use beside it).
var hopByHop = set(
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Http2-Settings",
)

// fromClient are the headers of a client that no upstream gets. Threat: all of them say who the client is, for whom it
// acts or where it comes from to one program or another, and only the proxy may say that.
var fromClient = set(
	"Authorization", "Cookie", "X-Scope-Orgid", "X-Scope-Userid", "Dd-Api-Key", "Dd-Application-Key", "Forwarded", "Via",
	"X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
	"X-Forwarded-Server", "X-Forwarded-Scheme", "X-Forwarded-User", "X-Forwarded-Email", "X-Real-Ip", "X-Client-Ip",
	"X-Cluster-Client-Ip", "True-Client-Ip", "X-Original-Url", "X-Rewrite-Url", "X-Original-Host", "X-Http-Method-Override",
	"X-Http-Method", "X-Method-Override", "X-Webauth-User", "X-Remote-User", "Remote-User", "X-Id-Token", "Proxy",
	"X-Grafana-Id", "Traceparent", "Tracestate", "Content-Length", "Host", "Expect",
	textproto.CanonicalMIMEHeaderKey(config.TenantHeader), textproto.CanonicalMIMEHeaderKey(config.TenantIDHeader),
	textproto.CanonicalMIMEHeaderKey(config.GrafanaTokenHeader),
)

// fromUpstream are the headers of an upstream that no client gets.
var fromUpstream = set("Server", "Alt-Svc", "Via", "X-Powered-By", "X-Request-Id")

func set(names ...string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[name] = true
	}
	return all
}

// dropped says that a client's header does not pass. Threat: "X_Scope_OrgID", which CGI-like programs read as
// X-Scope-OrgID; and names in other capitals, should a reader ever leave them.
func dropped(name string) bool {
	if hopByHop[name] || fromClient[name] {
		return true
	}
	for i := range len(name) {
		c := name[i]
		first := i == 0 || name[i-1] == '-'
		if c == '_' || first && c >= 'a' && c <= 'z' || !first && c >= 'A' && c <= 'Z' {
			canonical := textproto.CanonicalMIMEHeaderKey(strings.ReplaceAll(name, "_", "-"))
			return hopByHop[canonical] || fromClient[canonical] || guarded(canonical)
		}
	}
	return guarded(name)
}

// guarded are whole families of headers.
func guarded(canonical string) bool {
	return strings.HasPrefix(canonical, "X-Scope-") || strings.HasPrefix(canonical, "X-Forwarded-") ||
		strings.HasPrefix(canonical, "X-Webauth-")
}

// named are the headers that Connection names, which are hop-by-hop by that.
func named(connection []string, name string) bool {
	for _, value := range connection {
		for token := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(token), name) {
				return true
			}
		}
	}
	return false
}

// requestHeader is what the upstream gets. The values are shared with the client's headers and not changed.
func (p *Pool) requestHeader(r *http.Request, t *Target, upgrade bool) http.Header {
	header := make(http.Header, len(r.Header)+6)
	connection := r.Header["Connection"]
	for name, values := range r.Header {
		if dropped(name) || len(connection) > 0 && named(connection, name) {
			continue
		}
		header[name] = values
	}
	if _, has := header["User-Agent"]; !has {
		header["User-Agent"] = nil // else net/http writes its own
	}
	setIdentity(header, r, t)
	setTrace(header, r.Header)
	if t.Traceparent != "" {
		header["Traceparent"] = []string{t.Traceparent}
	}
	if t.RequestID != nil {
		header["X-Request-Id"] = t.RequestID
	}
	if r.ContentLength != 0 && strings.EqualFold(single(r, "Expect"), "100-continue") {
		header["Expect"] = r.Header["Expect"]
	}
	if upgrade {
		header["Connection"], header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	if t.KeepCookies {
		p.keepCookies(header, r.Header["Cookie"])
	}
	if t.Header != nil {
		t.Header(header)
	}
	return header
}

// setIdentity says for whom the proxy asks, and who asked the proxy.
func setIdentity(header http.Header, r *http.Request, t *Target) {
	proto := "http"
	if r.TLS != nil {
		proto = "https"
	}
	// One array for all values: each is a slice of one.
	values := [...]string{t.Tenant, "", r.Host, proto}
	fresh := values[:]
	if t.Tenant != "" {
		header["X-Scope-Orgid"] = fresh[0:1:1]
	}
	if colon := strings.LastIndexByte(r.RemoteAddr, ':'); colon > 0 { // net/http writes "address:port", or "[address]:port"
		fresh[1] = strings.Trim(r.RemoteAddr[:colon], "[]")
		header["X-Forwarded-For"] = fresh[1:2:2]
	}
	header["X-Forwarded-Host"] = fresh[2:3:3]
	header["X-Forwarded-Proto"] = fresh[3:4:4]
}

// setTrace passes the trace context on, if it is one.
func setTrace(header, client http.Header) {
	parent := client["Traceparent"]
	if len(parent) != 1 || !traceparent(parent[0]) {
		return
	}
	header["Traceparent"] = parent
	if state := client["Tracestate"]; len(state) == 1 && len(state[0]) <= 512 {
		header["Tracestate"] = state
	}
}

// keepCookies passes the cookies on that are not the proxy's own. Threat: a Grafana, with whatever plugins a tenant has in
// it, that gets a person's session could use it on the person's other tenants.
func (p *Pool) keepCookies(header http.Header, lines []string) {
	kept := make([]string, 0, 4)
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			name, _, _ := strings.Cut(pair, "=")
			if pair != "" && !p.ownName(name) {
				kept = append(kept, pair)
			}
		}
	}
	if len(kept) > 0 {
		header["Cookie"] = []string{strings.Join(kept, "; ")}
	}
}

// ownName is true for the proxy's cookies, and for all that claim a host's or a secure prefix, which only the proxy uses.
func (p *Pool) ownName(name string) bool {
	name = strings.TrimSpace(name)
	return p.ownCookie[name] || hasPrefixFold(name, "__Host-") || hasPrefixFold(name, "__Secure-")
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// copyResponseHeader fills dst, which may hold headers of the proxy already; those stay.
func (p *Pool) copyResponseHeader(dst, src http.Header, t *Target) {
	connection := src["Connection"]
	for name, values := range src {
		if hopByHop[name] || fromUpstream[name] || len(connection) > 0 && named(connection, name) {
			continue
		}
		if name == "Set-Cookie" {
			values = p.setCookies(values, t)
		}
		if _, ours := dst[name]; !ours && len(values) > 0 {
			dst[name] = values
		}
	}
}

// setCookies are those that an upstream may set. Threat: a tenant's Grafana that sets a cookie for the whole domain, and
// so another tenant's session or the login's.
func (p *Pool) setCookies(values []string, t *Target) []string {
	if !t.KeepCookies {
		return nil
	}
	kept := make([]string, 0, len(values))
	for _, value := range values {
		pair, attributes, _ := strings.Cut(value, ";")
		name, _, _ := strings.Cut(pair, "=")
		if !p.ownName(name) && !hasAttribute(attributes, "domain") {
			kept = append(kept, value)
		}
	}
	return kept
}

func hasAttribute(attributes, name string) bool {
	for attribute := range strings.SplitSeq(attributes, ";") {
		key, _, _ := strings.Cut(attribute, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return true
		}
	}
	return false
}

// traceparent says that a value is one by W3C Trace Context, level 1: version, trace, span and flags in lower-case hex.
func traceparent(s string) bool {
	if len(s) < 55 || len(s) > 128 || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" {
		return false
	}
	if len(s) > 55 && (s[:2] == "00" || s[55] != '-') {
		return false
	}
	return hexadecimal(s[:2]) && hexadecimal(s[3:35]) && hexadecimal(s[36:52]) && hexadecimal(s[53:55]) &&
		strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

func hexadecimal(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
