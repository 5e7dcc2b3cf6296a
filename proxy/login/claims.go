package login

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const (
	// Bounds of claims. OpenID Connect allows a sub of 255 characters.
	longestSubject = 255
	longestEmail   = 254
	longestName    = 128
	// mostGroups bounds the groups of one person.
	mostGroups = 10000
)

// claims are an ID token's, by name.
type claims map[string]json.RawMessage

// identify reads who somebody is. The groups are all that the provider lists.
func (p *provider) identify(ctx context.Context, d *discovered, token *oidc.IDToken, tokens *oauth2.Token) (identity, error) {
	var all claims
	if err := token.Claims(&all); err != nil {
		return identity{}, fmt.Errorf("%w: read the ID token: %w", errProvider, err)
	}
	// Of several audiences one is the party that the token was made for, and that must be this one.
	if azp := all.text("azp"); (len(token.Audience) > 1 || azp != "") && azp != p.login.ClientID {
		return identity{}, fmt.Errorf("%w: the ID token was made for another client (azp)", errProvider)
	}
	if token.Subject == "" || len(token.Subject) > longestSubject || plain(token.Subject, longestSubject) != token.Subject {
		return identity{}, fmt.Errorf("%w: the ID token has no usable subject", errProvider)
	}
	if _, listed := all[p.login.GroupsClaim]; !listed {
		more, err := p.userinfo(ctx, d, token.Subject, tokens)
		if err != nil {
			return identity{}, err
		}
		for name, value := range more {
			if _, known := all[name]; !known {
				all[name] = value
			}
		}
	}
	groups, err := all.list(p.login.GroupsClaim)
	if err != nil {
		return identity{}, err
	}
	return identity{Subject: token.Subject, Email: all.email(), Name: plain(all.text("name"), longestName), Groups: groups}, nil
}

// userinfo asks for claims that some providers leave out of the ID token, groups above all.
func (p *provider) userinfo(ctx context.Context, d *discovered, subject string, tokens *oauth2.Token) (claims, error) {
	if !isHTTPS(d.UserInfoEndpoint()) || tokens.AccessToken == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, d.client), providerTimeout)
	defer cancel()
	info, err := d.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, fmt.Errorf("%w: ask for userinfo: %w", errProvider, err)
	}
	// Without this check the groups could be somebody else's (OpenID Connect Core 1.0, 5.3.2).
	if info.Subject != subject {
		return nil, fmt.Errorf("%w: userinfo is about somebody else", errProvider)
	}
	var more claims
	if err := info.Claims(&more); err != nil {
		return nil, fmt.Errorf("%w: read userinfo: %w", errProvider, err)
	}
	return more, nil
}

func (c claims) text(name string) string {
	var text string
	if json.Unmarshal(c[name], &text) != nil {
		return ""
	}
	return text
}

// list is a claim of several texts, or of one. Anything else lists nothing.
func (c claims) list(name string) ([]string, error) {
	var entries []any
	if json.Unmarshal(c[name], &entries) != nil {
		if text := c.text(name); text != "" {
			return []string{text}, nil
		}
		return nil, nil
	}
	if len(entries) > mostGroups {
		return nil, fmt.Errorf("%w: the person is in %d groups, more than %d", errProvider, len(entries), mostGroups)
	}
	var texts []string
	for _, entry := range entries {
		if text, ok := entry.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts, nil
}

// email is the address unless the provider says that it has not verified it. Grafana finds its users by it: an address
// that anybody can type would be somebody else's account.
func (c claims) email() string {
	switch string(c["email_verified"]) {
	case "false", `"false"`:
		return ""
	}
	email := c.text("email")
	if len(email) > longestEmail || !strings.Contains(email, "@") || plain(email, longestEmail) != email || strings.Contains(email, " ") {
		return ""
	}
	return email
}

// plain is text without what does not print, at most so many bytes.
func plain(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	for len(text) > most {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// equal takes as long for any two texts of the same length.
func equal(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
