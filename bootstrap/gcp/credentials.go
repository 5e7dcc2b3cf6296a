package gcp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"google.golang.org/api/compute/v1"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// credentials say who we are. Those that cannot be found are an error of the first call, so that preflight can tell it
// beside what else is in the way.
type credentials struct {
	oauth2.TokenSource
	// who is a service account's address, or what kind of credentials they are.
	who string
	// payer is the project that calls are counted for; empty to let the credentials say it.
	payer string
	base  http.RoundTripper
}

// errNoCredentials is for a machine that has none.
var errNoCredentials = errors.New("no Google credentials were found")

// findCredentials looks where Google's own tools do. The context's end must not be the end of tokens' renewal.
func findCredentials(ctx context.Context, t provider.Target) *credentials {
	c := &credentials{base: t.Transport}
	if c.base == nil {
		c.base = http.DefaultTransport
	}
	ctx = context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, &http.Client{Transport: c.base})
	found, err := google.FindDefaultCredentials(ctx, compute.CloudPlatformScope)
	if err != nil {
		c.TokenSource = noToken{fmt.Errorf("%w: %w", errNoCredentials, err)}
		return c
	}
	var file struct {
		Type         string `json:"type"`
		ClientEmail  string `json:"client_email"`
		QuotaProject string `json:"quota_project_id"`
	}
	c.TokenSource, c.who = found.TokenSource, "the machine's service account"
	if json.Unmarshal(found.JSON, &file) == nil && file.Type != "" {
		c.who = cmp.Or(file.ClientEmail, file.Type)
		if file.Type == "authorized_user" {
			// Calls as a person are counted for the project of gcloud itself, which refuses them, unless another is named.
			c.payer = cmp.Or(file.QuotaProject, t.Cluster.Provider.Account)
		}
	}
	return c
}

// noToken fails each time.
type noToken struct{ err error }

// Token implements oauth2.TokenSource.
func (n noToken) Token() (*oauth2.Token, error) { return nil, n.err }

// client sends a token with each call.
func (c *credentials) client() *http.Client {
	return &http.Client{Transport: &authorized{tokens: c.TokenSource, payer: c.payer, next: c.base}}
}

// authorized adds the token and the project that pays to each request.
type authorized struct {
	tokens oauth2.TokenSource
	payer  string
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (a *authorized) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := a.tokens.Token()
	if err != nil {
		if request.Body != nil {
			err = errors.Join(err, request.Body.Close())
		}
		return nil, &unsentError{err}
	}
	request = request.Clone(request.Context())
	token.SetAuthHeader(request)
	if a.payer != "" {
		request.Header.Set("X-Goog-User-Project", a.payer)
	}
	return a.next.RoundTrip(request)
}

// unsentError is why a call was not sent: there is no token.
type unsentError struct{ err error }

// Error says so.
func (e *unsentError) Error() string { return "get a token: " + e.err.Error() }

// Unwrap is the cause.
func (e *unsentError) Unwrap() error { return e.err }
