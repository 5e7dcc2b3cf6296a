package identity_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/identity"
	"github.com/opsgen/opsgen/proxy/token"
)

// The API server's keys are made once: RSA takes long.
var (
	rsaKey  = sync.OnceValue(func() *rsa.PrivateKey { key, _ := rsa.GenerateKey(rand.Reader, 2048); return key })
	weakKey = sync.OnceValue(func() *rsa.PrivateKey { key, _ := rsa.GenerateKey(rand.Reader, 1024); return key })
	ecKey   = sync.OnceValue(func() *ecdsa.PrivateKey {
		key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return key
	})
	newKey = sync.OnceValue(func() *ecdsa.PrivateKey {
		key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return key
	})
)

const issuer = "https://kubernetes.default.svc.cluster.local"

// account is what a service-account token is made of; a test changes it.
type account struct {
	header map[string]any
	claims jwt.MapClaims
	key    any
	method jwt.SigningMethod
}

// accountToken is a token as a kubelet projects it.
func accountToken(t testing.TB, namespace, name string, change func(*account)) string {
	t.Helper()
	now := time.Now()
	a := account{
		header: map[string]any{"kid": "rsa"}, key: rsaKey(), method: jwt.SigningMethodRS256,
		claims: jwt.MapClaims{
			"iss": issuer, "aud": []string{"opsgen-proxy"}, "sub": "system:serviceaccount:" + namespace + ":" + name, "jti": "x",
			"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
			"kubernetes.io": map[string]any{
				"namespace":      namespace,
				"pod":            map[string]any{"name": name + "-0", "uid": "2"},
				"serviceaccount": map[string]any{"name": name, "uid": "1"},
			},
		},
	}
	if change != nil {
		change(&a)
	}
	made := jwt.NewWithClaims(a.method, a.claims)
	delete(made.Header, "typ") // as the API server does not write it
	for name, value := range a.header {
		made.Header[name] = value
	}
	raw, err := made.SignedString(a.key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func callers() []config.Caller {
	return []config.Caller{
		{Namespace: "shop", Tenant: "payments", Scopes: []config.Scope{config.MetricsWrite, config.LogsWrite}},
		{Namespace: "shop", ServiceAccount: "search", Tenant: "search", Scopes: []config.Scope{config.LogsWrite}},
		{Namespace: "syncer", ServiceAccount: "syncer", AnyTenant: true, Scopes: []config.Scope{config.RulesWrite}},
	}
}

func TestServiceAccounts(t *testing.T) {
	server := newAPIServer(t)
	accounts := server.accounts(t)
	for name, test := range map[string]struct {
		raw  string
		want identity.Caller
	}{
		"by its namespace": {
			accountToken(t, "shop", "agent", nil), identity.Caller{Tenant: "payments", ID: "shop/agent", Scopes: 0b101},
		},
		"by its name, which goes before the namespace": {
			accountToken(t, "shop", "search", nil), identity.Caller{Tenant: "search", ID: "shop/search", Scopes: 0b100},
		},
		"for any tenant": {
			accountToken(t, "syncer", "syncer", nil), identity.Caller{AnyTenant: true, ID: "syncer/syncer", Scopes: 0b10000},
		},
		"signed by EC": {
			accountToken(t, "shop", "agent", func(a *account) { a.header["kid"], a.key, a.method = "ec", ecKey(), jwt.SigningMethodES256 }),
			identity.Caller{Tenant: "payments", ID: "shop/agent", Scopes: 0b101},
		},
		"one audience as text": {
			accountToken(t, "shop", "agent", func(a *account) { a.claims["aud"] = "opsgen-proxy" }),
			identity.Caller{Tenant: "payments", ID: "shop/agent", Scopes: 0b101},
		},
		"two audiences": {
			accountToken(t, "shop", "agent", func(a *account) { a.claims["aud"] = []string{"vault", "opsgen-proxy"} }),
			identity.Caller{Tenant: "payments", ID: "shop/agent", Scopes: 0b101},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				got, err := accounts.Authenticate(test.raw)
				if err != nil {
					t.Fatal(err)
				}
				test.want.Kind, test.want.Expires = identity.ServiceAccount, got.Expires
				if *got != test.want || time.Until(got.Expires) > time.Hour {
					t.Errorf("the caller is %+v, want %+v", *got, test.want)
				}
			}
		})
	}
}

func TestServiceAccountsThatAreRefused(t *testing.T) {
	server := newAPIServer(t)
	accounts := server.accounts(t)
	claim := func(name string, value any) string {
		return accountToken(t, "shop", "agent", func(a *account) {
			if a.claims[name] = value; value == nil {
				delete(a.claims, name)
			}
		})
	}
	good := accountToken(t, "shop", "agent", nil)
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"rsa"}`)) + "." + parts[1] + "."
	for name, test := range map[string]struct {
		raw  string
		want token.Reason
	}{
		"empty":                           {"", token.ReasonMalformed},
		"two parts":                       {parts[0] + "." + parts[1], token.ReasonMalformed},
		"too large":                       {good + strings.Repeat("x", token.MaxBytes), token.ReasonTooLarge},
		"alg none":                        {none, token.ReasonSignature},
		"no signature":                    {parts[0] + "." + parts[1] + ".", token.ReasonSignature},
		"another's signature":             {strings.Join(append(parts[:2:2], strings.Split(claim("jti", "y"), ".")[2]), "."), token.ReasonSignature},
		"HS256 with the public key":       {accountToken(t, "shop", "agent", func(a *account) { a.method, a.key = jwt.SigningMethodHS256, rsaKey().N.Bytes() }), token.ReasonSignature},
		"RS512":                           {accountToken(t, "shop", "agent", func(a *account) { a.method = jwt.SigningMethodRS512 }), token.ReasonSignature},
		"ES256 with the name of RSA":      {accountToken(t, "shop", "agent", func(a *account) { a.key, a.method = ecKey(), jwt.SigningMethodES256 }), token.ReasonAlgorithm},
		"a foreign key":                   {accountToken(t, "shop", "agent", func(a *account) { a.key, a.method, a.header["kid"] = newKey(), jwt.SigningMethodES256, "ec" }), token.ReasonSignature},
		"an unknown key":                  {accountToken(t, "shop", "agent", func(a *account) { a.header["kid"] = "nobody" }), token.ReasonUnknownKey},
		"no key":                          {accountToken(t, "shop", "agent", func(a *account) { delete(a.header, "kid") }), token.ReasonUnknownKey},
		"a key that is no text":           {accountToken(t, "shop", "agent", func(a *account) { a.header["kid"] = 7 }), token.ReasonUnknownKey},
		"a weak key":                      {accountToken(t, "shop", "agent", func(a *account) { a.header["kid"], a.key = "weak", weakKey() }), token.ReasonUnknownKey},
		"a key for encryption":            {accountToken(t, "shop", "agent", func(a *account) { a.header["kid"] = "enc" }), token.ReasonUnknownKey},
		"crit":                            {accountToken(t, "shop", "agent", func(a *account) { a.header["crit"] = []string{"x"} }), token.ReasonMalformed},
		"a key of its own":                {accountToken(t, "shop", "agent", func(a *account) { a.header["jwk"], a.key = map[string]any{"kty": "RSA"}, weakKey() }), token.ReasonSignature},
		"a foreign issuer":                {claim("iss", "https://other"), token.ReasonIssuer},
		"no issuer":                       {claim("iss", nil), token.ReasonIssuer},
		"the API server's audience":       {claim("aud", issuer), token.ReasonAudience},
		"no audience":                     {claim("aud", nil), token.ReasonAudience},
		"expired":                         {claim("exp", time.Now().Add(-time.Minute).Unix()), token.ReasonExpired},
		"no end":                          {claim("exp", nil), token.ReasonExpired},
		"not yet valid":                   {claim("nbf", time.Now().Add(time.Minute).Unix()), token.ReasonNotYetValid},
		"no beginning":                    {claim("nbf", nil), token.ReasonNotYetValid},
		"an end that is no number":        {claim("exp", "tomorrow"), token.ReasonMalformed},
		"no sub":                          {claim("sub", nil), token.ReasonSubject},
		"a tenant's sub":                  {claim("sub", "tenant:payments"), token.ReasonSubject},
		"sub of another account":          {claim("sub", "system:serviceaccount:syncer:syncer"), token.ReasonSubject},
		"no kubernetes.io":                {claim("kubernetes.io", nil), token.ReasonSubject},
		"empty namespace and account":     {accountToken(t, "", "", nil), token.ReasonSubject},
		"a legacy token":                  {claim("kubernetes.io/serviceaccount/namespace", "shop")[:40], token.ReasonMalformed},
		"an account without an entry":     {accountToken(t, "elsewhere", "agent", nil), token.ReasonSubject},
		"an account with a slash":         {accountToken(t, "shop/search", "", nil), token.ReasonSubject},
		"a whole namespace as an account": {accountToken(t, "shop", "", nil), token.ReasonSubject},
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := accounts.Authenticate(test.raw)
			if reason(err) != test.want {
				t.Errorf("%+v, %v; want %s", caller, err, test.want)
			}
		})
	}
	if accounts.Remembered() != 0 {
		t.Errorf("%d refused tokens are remembered", accounts.Remembered())
	}
}

func TestOtherCallersHoldAtOnce(t *testing.T) {
	server := newAPIServer(t)
	accounts := server.accounts(t)
	raw := accountToken(t, "shop", "agent", nil)
	if _, err := accounts.Authenticate(raw); err != nil {
		t.Fatal(err)
	}
	accounts.SetCallers([]config.Caller{{Namespace: "shop", Tenant: "search", Scopes: []config.Scope{config.LogsRead}}})
	if caller, err := accounts.Authenticate(raw); err != nil || caller.Tenant != "search" {
		t.Errorf("after a change of callers: %+v, %v", caller, err)
	}
	accounts.SetCallers(nil)
	if _, err := accounts.Authenticate(raw); reason(err) != token.ReasonSubject {
		t.Errorf("without callers: %v", err)
	}
}

func TestARememberedAccountEndsInTime(t *testing.T) {
	rsaKey() // outside the bubble
	synctest.Test(t, func(t *testing.T) {
		accounts := inMemory(t, &fakeServer{keys: map[string]crypto.PublicKey{"rsa": rsaKey().Public()}}, nil)
		raw := accountToken(t, "shop", "agent", nil)
		for range 2 {
			if _, err := accounts.Authenticate(raw); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour + 31*time.Second)
		if _, err := accounts.Authenticate(raw); reason(err) != token.ReasonExpired {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestInternal(t *testing.T) {
	server := newAPIServer(t)
	internal := &identity.Internal{Tokens: identity.NewTokens(verifier(t), []string{"payments"}, 10), ServiceAccounts: server.accounts(t)}
	for name, test := range map[string]struct {
		raw  string
		kind identity.Kind
		want token.Reason
	}{
		"a pod":                              {raw: accountToken(t, "shop", "agent", nil), kind: identity.ServiceAccount},
		"a tenant's token":                   {raw: tenantToken(t, "one", nil), kind: identity.Token},
		"a pod that claims our issuer":       {raw: accountToken(t, "shop", "agent", func(a *account) { a.claims["iss"] = "opsgen" }), want: token.ReasonUnknownKey},
		"a tenant that claims the cluster's": {raw: tenantToken(t, "x", func(c *token.Claims) { c.Issuer = issuer }), want: token.ReasonSignature},
		"nothing":                            {raw: "", want: token.ReasonMalformed},
		"too large":                          {raw: strings.Repeat("a", 9000), want: token.ReasonTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				caller, err := internal.Authenticate(test.raw)
				if reason(err) != test.want || (err == nil && caller.Kind != test.kind) {
					t.Errorf("%+v, %v; want %s%s", caller, err, test.kind, test.want)
				}
			}
		})
	}
}

func BenchmarkInternal(b *testing.B) {
	accounts := inMemory(b, &fakeServer{keys: map[string]crypto.PublicKey{"rsa": rsaKey().Public()}}, nil)
	internal := &identity.Internal{Tokens: identity.NewTokens(verifier(b), []string{"payments"}, 10), ServiceAccounts: accounts}
	for name, raw := range map[string]string{"account": accountToken(b, "shop", "agent", nil), "token": tenantToken(b, "one", nil)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := internal.Authenticate(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
