package login

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/opsgen/opsgen/proxy/config"
)

const (
	// providerTimeout bounds one call to the provider.
	providerTimeout = 10 * time.Second
	// longestAnswer bounds what the provider may answer.
	longestAnswer = 1 << 20
	// discoveryLife is how long a discovery document is used before it is fetched anew.
	discoveryLife = time.Hour
	// discoveryRetry is how long a failed discovery is not tried again.
	discoveryRetry = 3 * time.Second
	// maxExchanges bounds the logins that wait for the provider at the same time.
	maxExchanges = 64
)

// provider is the OpenID Connect provider. What it says about itself is fetched when first needed: a proxy starts, and
// serves those who are logged in, while it is down.
type provider struct {
	login    config.Login
	redirect string
	client   *http.Client // nil: one that follows the configuration
	now      func() time.Time

	mu    sync.Mutex
	known *discovered
	tried time.Time
	err   error
}

// discovered is a provider's discovery document, as far as it matters.
type discovered struct {
	*oidc.Provider
	client      *http.Client
	at          time.Time
	authStyle   oauth2.AuthStyle
	endSession  string // where people log out of the provider; perhaps empty
	namesItself bool   // the provider sends iss to the callback (RFC 9207)
}

func newProvider(c config.Login, domain string, client *http.Client, now func() time.Time) *provider {
	return &provider{login: c, redirect: "https://auth." + domain + "/callback", client: client, now: now}
}

// caller is the client for the provider, bounded in time and size.
func (p *provider) caller() (*http.Client, error) {
	client := p.client
	if client == nil {
		var err error
		if client, err = newClient(p.login.CAFile); err != nil {
			return nil, err
		}
	}
	limited := *client
	if limited.Timeout == 0 {
		limited.Timeout = providerTimeout
	}
	transport := limited.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	limited.Transport = boundedTransport{transport}
	return &limited, nil
}

// same says whether what one has discovered holds for the other.
func (p *provider) same(other *provider) bool {
	return p != nil && other != nil && p.login.Issuer == other.login.Issuer && p.login.CAFile == other.login.CAFile
}

// inherit takes over what the provider before a reload has discovered.
func (p *provider) inherit(before *provider) {
	if !p.same(before) {
		return
	}
	before.mu.Lock()
	defer before.mu.Unlock()
	p.known = before.known
}

// newClient makes the client for the provider.
func newClient(caFile string) (*http.Client, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's authorities: %w", err)
	}
	if caFile != "" {
		text, err := os.ReadFile(caFile)
		if err != nil {
			return nil, fmt.Errorf("read login.caFile: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("login.caFile %s holds no certificate", caFile)
		}
	}
	return &http.Client{Timeout: providerTimeout, Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   providerTimeout,
		ResponseHeaderTimeout: providerTimeout,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          10,
		IdleConnTimeout:       time.Minute,
	}}, nil
}

// boundedTransport keeps a provider that sends without end from filling the memory, and refuses plain HTTP, which a
// discovery document or a redirect could lead to.
type boundedTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("the provider is called by https only, not %s", r.URL.Scheme)
	}
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err //nolint:wrapcheck // http.Client wraps it with the address
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, longestAnswer), response.Body}
	return response, nil
}

// discover is what the provider says about itself.
func (p *provider) discover(ctx context.Context) (*discovered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.known != nil && now.Sub(p.known.at) < discoveryLife {
		return p.known, nil
	}
	if now.Sub(p.tried) >= discoveryRetry || p.err == nil {
		p.tried = now
		var found *discovered
		// Whoever asked first may go away; others wait for the answer.
		if found, p.err = p.fetch(context.WithoutCancel(ctx)); p.err == nil {
			found.at = now
			p.known = found
		}
	}
	if p.known == nil {
		return nil, p.err
	}
	return p.known, nil
}

func (p *provider) fetch(ctx context.Context) (*discovered, error) {
	client, err := p.caller()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, client), providerTimeout)
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.login.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discover the provider %s: %w", p.login.Issuer, err)
	}
	var document struct {
		AuthURL     string   `json:"authorization_endpoint"`
		TokenURL    string   `json:"token_endpoint"`
		KeysURL     string   `json:"jwks_uri"`
		EndSession  string   `json:"end_session_endpoint"`
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		NamesItself bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := found.Claims(&document); err != nil {
		return nil, fmt.Errorf("read the provider's discovery document: %w", err)
	}
	for _, address := range []string{document.AuthURL, document.TokenURL, document.KeysURL} {
		if !isHTTPS(address) {
			return nil, fmt.Errorf("the discovery document of %s names %q, which is no https address", p.login.Issuer, address)
		}
	}
	d := &discovered{Provider: found, client: client, authStyle: oauth2.AuthStyleInHeader, namesItself: document.NamesItself}
	if p.login.ClientSecretFile == "" || len(document.AuthMethods) > 0 && !slices.Contains(document.AuthMethods, "client_secret_basic") {
		d.authStyle = oauth2.AuthStyleInParams
	}
	if isHTTPS(document.EndSession) {
		d.endSession = document.EndSession
	}
	return d, nil
}

func isHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// oauth is the client at the provider. The secret is read anew, so that a changed one holds at once.
func (p *provider) oauth(d *discovered, withSecret bool) (*oauth2.Config, error) {
	endpoint := d.Endpoint()
	endpoint.AuthStyle = d.authStyle
	c := &oauth2.Config{ClientID: p.login.ClientID, Endpoint: endpoint, RedirectURL: p.redirect, Scopes: p.login.Scopes}
	if withSecret && p.login.ClientSecretFile != "" {
		text, err := readBounded(p.login.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("read login.clientSecretFile: %w", err)
		}
		c.ClientSecret = strings.TrimSpace(string(text))
	}
	return c, nil
}

// errProvider marks failures that are the provider's or the network's, and not the person's.
var errProvider = errors.New("the provider did not answer as expected")

// redeem exchanges the code for an ID token and verifies it: signature, issuer, audience, expiry and nonce.
func (p *provider) redeem(ctx context.Context, d *discovered, code string, f flow) (*oidc.IDToken, *oauth2.Token, error) {
	c, err := p.oauth(d, true)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, d.client), providerTimeout)
	defer cancel()
	tokens, err := c.Exchange(ctx, code, oauth2.VerifierOption(f.Verifier))
	if err != nil {
		// The answer's body could hold what was sent; its error code says enough.
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) {
			return nil, nil, fmt.Errorf("%w: redeem the code: status %d, error %q", errProvider, refused.Response.StatusCode, plain(refused.ErrorCode, 64))
		}
		return nil, nil, fmt.Errorf("%w: redeem the code: %w", errProvider, err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return nil, nil, fmt.Errorf("%w: the answer has no ID token", errProvider)
	}
	// Symmetric algorithms and none are not among those that the verifier knows.
	token, err := d.VerifierContext(ctx, &oidc.Config{ClientID: p.login.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: verify the ID token: %w", errProvider, err)
	}
	if !equal(token.Nonce, f.Nonce) {
		return nil, nil, fmt.Errorf("%w: the ID token is of another login (nonce)", errProvider)
	}
	if token.AccessTokenHash != "" {
		if err := token.VerifyAccessToken(tokens.AccessToken); err != nil {
			return nil, nil, fmt.Errorf("%w: the ID token is for another access token: %w", errProvider, err)
		}
	}
	return token, tokens, nil
}
