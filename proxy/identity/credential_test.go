package identity_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/identity"
	"github.com/opsgen/opsgen/proxy/token"
)

func basic(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

func TestCredential(t *testing.T) {
	long := strings.Repeat("x", token.MaxBytes)
	for name, test := range map[string]struct {
		headers [][2]string
		query   string
		datadog bool
		want    string
		refused token.Reason // "none" is ErrNone
	}{
		"nothing":                            {refused: "none"},
		"Bearer":                             {headers: [][2]string{{"Authorization", "Bearer abc"}}, want: "abc"},
		"bEARER and spaces":                  {headers: [][2]string{{"authorization", "bEARER   abc "}}, want: "abc"},
		"Basic password":                     {headers: [][2]string{{"Authorization", basic("agent:abc")}}, want: "abc"},
		"Basic password without a user":      {headers: [][2]string{{"Authorization", basic(":abc")}}, want: "abc"},
		"Basic password with a colon":        {headers: [][2]string{{"Authorization", basic("agent:a:b")}}, want: "a:b"},
		"Basic without a password":           {headers: [][2]string{{"Authorization", basic("agent:")}}, refused: token.ReasonMalformed},
		"Basic without a colon":              {headers: [][2]string{{"Authorization", basic("agent")}}, refused: token.ReasonMalformed},
		"Basic with a line break":            {headers: [][2]string{{"Authorization", basic("agent:a\nb")}}, refused: token.ReasonMalformed},
		"Basic that is no base64":            {headers: [][2]string{{"Authorization", "Basic ****"}}, refused: token.ReasonMalformed},
		"an empty Bearer":                    {headers: [][2]string{{"Authorization", "Bearer "}}, refused: token.ReasonMalformed},
		"a scheme alone":                     {headers: [][2]string{{"Authorization", "Bearer"}}, refused: token.ReasonMalformed},
		"an empty Authorization":             {headers: [][2]string{{"Authorization", ""}}, refused: token.ReasonMalformed},
		"a token without a scheme":           {headers: [][2]string{{"Authorization", "abc"}}, refused: token.ReasonMalformed},
		"another scheme":                     {headers: [][2]string{{"Authorization", "Negotiate abc"}}, refused: token.ReasonMalformed},
		"two tokens in one header":           {headers: [][2]string{{"Authorization", "Bearer abc, Bearer abd"}}, refused: token.ReasonMalformed},
		"two equal Authorization headers":    {headers: [][2]string{{"Authorization", "Bearer abc"}, {"Authorization", "Bearer abc"}}, refused: token.ReasonMalformed},
		"Basic and Bearer":                   {headers: [][2]string{{"Authorization", "Bearer abc"}, {"Authorization", basic("agent:abc")}}, refused: token.ReasonMalformed},
		"the largest token":                  {headers: [][2]string{{"Authorization", "Bearer " + long}}, want: long},
		"the largest token as Basic":         {headers: [][2]string{{"Authorization", basic("agent:" + long)}}, want: long},
		"a token that is too large":          {headers: [][2]string{{"Authorization", "Bearer " + long + "x"}}, refused: token.ReasonTooLarge},
		"a password that is too large":       {headers: [][2]string{{"Authorization", basic("a:" + long + "x")}}, refused: token.ReasonTooLarge},
		"a header that is too large":         {headers: [][2]string{{"Authorization", "Bearer " + long + long}}, refused: token.ReasonTooLarge},
		"DD-API-KEY":                         {headers: [][2]string{{"DD-API-KEY", "abc"}}, datadog: true, want: "abc"},
		"DD-API-KEY, but not for Datadog":    {headers: [][2]string{{"DD-API-KEY", "abc"}}, refused: "none"},
		"DD-APPLICATION-KEY":                 {headers: [][2]string{{"DD-APPLICATION-KEY", "abc"}}, datadog: true, refused: "none"},
		"DD-API-KEY beside an application's": {headers: [][2]string{{"DD-API-KEY", "abc"}, {"DD-APPLICATION-KEY", "def"}}, datadog: true, want: "abc"},
		"two DD-API-KEY":                     {headers: [][2]string{{"DD-API-KEY", "abc"}, {"DD-API-KEY", "abc"}}, datadog: true, refused: token.ReasonMalformed},
		"an empty DD-API-KEY":                {headers: [][2]string{{"DD-API-KEY", ""}}, datadog: true, refused: token.ReasonMalformed},
		"api_key":                            {query: "from=1&api_key=abc", datadog: true, want: "abc"},
		"api_key, but not for Datadog":       {query: "api_key=abc", refused: "none"},
		"an escaped api_key":                 {query: "api%5Fkey=a%62c", datadog: true, want: "abc"},
		"api_key that is no escaped text":    {query: "api_key=%zz", datadog: true, refused: token.ReasonMalformed},
		"another parameter not escaped well": {query: "%zz=1&api_key=abc", datadog: true, want: "abc"},
		"an empty api_key":                   {query: "api_key=", datadog: true, refused: token.ReasonMalformed},
		"api_key twice, the same":            {query: "api_key=abc&api_key=abc", datadog: true, want: "abc"},
		"api_key twice, another":             {query: "api_key=abc&api_key=abd", datadog: true, refused: token.ReasonMalformed},
		"application_key":                    {query: "application_key=abc", datadog: true, refused: "none"},
		"api_key and DD-API-KEY agree":       {headers: [][2]string{{"DD-API-KEY", "abc"}}, query: "api_key=abc", datadog: true, want: "abc"},
		"api_key and DD-API-KEY differ":      {headers: [][2]string{{"DD-API-KEY", "abd"}}, query: "api_key=abc", datadog: true, refused: token.ReasonMalformed},
		"Bearer and DD-API-KEY differ":       {headers: [][2]string{{"DD-API-KEY", "abd"}, {"Authorization", "Bearer abc"}}, datadog: true, refused: token.ReasonMalformed},
		"Bearer and DD-API-KEY agree":        {headers: [][2]string{{"DD-API-KEY", "abc"}, {"Authorization", "Bearer abc"}}, datadog: true, want: "abc"},
		"a query that is too large":          {query: strings.Repeat("a=b&", 5000), datadog: true, refused: token.ReasonTooLarge},
		"a large query, but not for Datadog": {headers: [][2]string{{"Authorization", "Bearer abc"}}, query: strings.Repeat("a=b&", 5000), want: "abc"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{Header: http.Header{}, URL: &url.URL{Path: "/api/v1/series", RawQuery: test.query}}
			for _, header := range test.headers {
				r.Header.Add(header[0], header[1])
			}
			got, err := identity.Credential(r, test.datadog)
			if got != test.want || reason(err) != test.refused {
				t.Errorf("got %.20q, %v; want %.20q, %q", got, err, test.want, test.refused)
			}
			if err != nil && strings.Contains(err.Error(), "abc") {
				t.Errorf("the error shows the credential: %v", err)
			}
		})
	}
}

// reason is the reason of a refusal, "none" or "unavailable" for the errors of this package, and "" without an error.
func reason(err error) token.Reason {
	var refused *token.Error
	switch {
	case err == nil:
		return ""
	case errors.Is(err, identity.ErrNone):
		return "none"
	case errors.Is(err, identity.ErrUnavailable):
		return "unavailable"
	case errors.As(err, &refused):
		return refused.Reason
	}
	return token.Reason("unexpected: " + err.Error())
}

func FuzzCredential(f *testing.F) {
	f.Add("Bearer abc", "", "")
	f.Add(basic("a:b"), "b", "api_key=b")
	f.Add("", "abc", "x=1&api%5Fkey=%61bc")
	f.Fuzz(func(t *testing.T, authorization, key, query string) {
		r := &http.Request{Header: http.Header{"Authorization": {authorization}, "Dd-Api-Key": {key}}, URL: &url.URL{RawQuery: query}}
		for _, datadog := range []bool{false, true} {
			raw, err := identity.Credential(r, datadog)
			if (raw == "") != (err != nil) || len(raw) > token.MaxBytes || strings.ContainsAny(raw, " \r\n\t") {
				t.Errorf("%q, %v", raw, err)
			}
			if datadog && err == nil && (raw != strings.TrimSpace(key)) {
				t.Errorf("two credentials differ, and %q is taken", raw)
			}
		}
	})
}

func TestScopes(t *testing.T) {
	all, err := identity.ScopesOf(config.Scopes())
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range config.Scopes() {
		one, err := identity.ScopesOf([]config.Scope{scope})
		if err != nil || !all.Has(scope) || !one.Has(scope) {
			t.Errorf("%s: %v", scope, err)
		}
		for _, other := range config.Scopes() {
			if other != scope && one.Has(other) {
				t.Errorf("%s gives %s", scope, other)
			}
		}
	}
	if all.Has("") || all.Has("metrics:delete") {
		t.Error("a set holds scopes that do not exist")
	}
	if _, err := identity.ScopesOf([]config.Scope{"metrics:delete"}); err == nil {
		t.Error("an unknown scope is taken")
	}
}
