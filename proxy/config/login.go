package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
)

// Login is how people log in for their tenant's Grafana: by an OpenID Connect provider. The provider knows the address
// https://auth.<domain>/callback as the client's redirect URI.
type Login struct {
	// Issuer is the provider's URL, exactly as its discovery document and its tokens have it
	// ("https://login.example.com/realms/acme").
	Issuer string `json:"issuer" jsonschema:"required"`
	// ClientID is the name under which the provider knows the proxy.
	ClientID string `json:"clientID" jsonschema:"required"`
	// ClientSecretFile holds the client's secret. It is read at each login. Left empty, the client is a public one, which
	// PKCE alone protects.
	ClientSecretFile string `json:"clientSecretFile,omitempty"`
	// SessionKeyFile holds the keys that cookies are sealed with, one a line, each at least 32 characters of random text.
	// The first one seals, all of them open. Every replica has the same file. Default /etc/proxy-session/session-key.
	SessionKeyFile string `json:"sessionKeyFile,omitempty"`
	// GroupsClaim is the claim of the ID token (or of the userinfo answer) that lists a person's groups. Default "groups".
	GroupsClaim string `json:"groupsClaim,omitempty"`
	// Scopes are asked for at the provider; openid must be one. Default: openid, profile, email.
	Scopes []string `json:"scopes,omitempty"`
	// SessionLifetime is how long a person stays logged in, active or not. Groups are read at the login only, so that it
	// is also how long a group is believed that the provider has taken away. Default 12h, from 5m to 7d.
	SessionLifetime quantity.Duration `json:"sessionLifetime,omitempty"`
	// CAFile holds authorities (PEM) that are trusted for the provider besides the system's.
	CAFile string `json:"caFile,omitempty"`
}

func (l *Login) setDefaults() {
	orText(&l.SessionKeyFile, "/etc/proxy-session/session-key")
	orText(&l.GroupsClaim, "groups")
	if len(l.Scopes) == 0 {
		l.Scopes = []string{"openid", "profile", "email"}
	}
	orTime(&l.SessionLifetime, 12*time.Hour)
}

func (c *checker) login(l *Login) {
	if l == nil {
		return
	}
	c.issuer("login.issuer", l.Issuer)
	c.word("login.clientID", l.ClientID)
	if l.ClientSecretFile != "" {
		c.file("login.clientSecretFile", l.ClientSecretFile)
	}
	c.file("login.sessionKeyFile", l.SessionKeyFile)
	c.word("login.groupsClaim", l.GroupsClaim)
	for i, scope := range l.Scopes {
		c.word(fmt.Sprintf("login.scopes[%d]", i), scope)
	}
	if !slices.Contains(l.Scopes, "openid") {
		c.Fail("login.scopes", "Add openid.", "are %s; without openid the provider sends no ID token", strings.Join(l.Scopes, ", "))
	}
	c.within("login.sessionLifetime", l.SessionLifetime, 5*time.Minute, 7*24*time.Hour)
	if l.CAFile != "" {
		c.file("login.caFile", l.CAFile)
	}
}

// issuer is a URL that may have a path. Anything but TLS would let whoever is on the way log in as anybody.
func (c *checker) issuer(at, value string) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" ||
		strings.ContainsAny(value, "?# ") {
		c.Fail(at, `Write it as the provider's discovery document has it, such as "https://login.example.com/realms/acme".`,
			"is %q, which is not an https URL without query and fragment", value)
	}
}
