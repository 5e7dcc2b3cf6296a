package login

import (
	"net"
	"net/http"
	"strings"
)

// sameOrigin says whether the tenant's own pages sent a request, or a person by typing its address. The threat is a page
// elsewhere that makes the browser send one with the session's cookie. SameSite=Lax does not stop it: all tenants'
// hosts are below one domain, and so are one site.
func sameOrigin(r *http.Request, host string) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		// A WebSocket's handshake is a GET, and not subject to CORS: Grafana Live would talk to any page.
		if r.Header.Get("Upgrade") == "" {
			return readable(r)
		}
	}
	if origins := r.Header.Values("Origin"); len(origins) > 0 {
		return len(origins) == 1 && originIs(origins[0], r.Host, host)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "same-origin" || site == "none"
}

// readable lets another site's links in, and none of its scripts, pictures and frames. Old browsers do not say what a
// request is for; from them CORS alone protects what is read.
func readable(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	dest := r.Header.Get("Sec-Fetch-Dest")
	return r.Header.Get("Sec-Fetch-Mode") == "navigate" && (dest == "" || dest == "document")
}

// originIs compares an Origin with the tenant's host, at the port that the request came to.
func originIs(origin, requested, host string) bool {
	requested = strings.ToLower(requested)
	name := requested
	if h, _, err := net.SplitHostPort(requested); err == nil {
		name = h
	}
	return name == host && origin == "https://"+strings.TrimSuffix(requested, ":443")
}

// isNavigation says whether a person looks at the answer.
func isNavigation(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return r.Method == http.MethodGet && r.Header.Get("Upgrade") == "" && strings.Contains(r.Header.Get("Accept"), "text/html") &&
		(mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}
