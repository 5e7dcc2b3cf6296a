package identity

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/opsgen/opsgen/proxy/token"
)

const (
	// maxHeader bounds an Authorization header before anything of it is read: the largest token with a user name, as
	// Basic writes them.
	maxHeader = (token.MaxBytes+256)*4/3 + 16
	// maxQuery bounds a query in which api_key is looked for.
	maxQuery = 16 << 10
)

// Credential is the one token that a request shows: Authorization with Bearer or with Basic, whose password it is and
// whose user name is not looked at; and where datadog is true, also the header DD-API-KEY and the query parameter
// api_key. DD-APPLICATION-KEY is no credential. The error is ErrNone or a *token.Error.
//
// A request with two credentials is refused unless they are the same: which of them counts would otherwise depend on
// the program that looks, and a cache or a log in front of the proxy may look at the other one.
func Credential(r *http.Request, datadog bool) (raw string, err error) {
	raw, err = authorization(r.Header["Authorization"])
	if err != nil || !datadog {
		return found(raw, err)
	}
	keys := r.Header["Dd-Api-Key"]
	if len(keys) > 1 {
		return "", refuse(token.ReasonMalformed, "there are several DD-API-KEY headers")
	}
	if len(keys) == 1 {
		if raw, err = same(raw, strings.TrimSpace(keys[0]), "DD-API-KEY"); err != nil {
			return "", err
		}
	}
	return found(inQuery(raw, r.URL.RawQuery))
}

func found(raw string, err error) (string, error) {
	if err == nil && raw == "" {
		err = ErrNone
	}
	return raw, err
}

func authorization(headers []string) (string, error) {
	switch {
	case len(headers) == 0:
		return "", nil
	case len(headers) > 1:
		return "", refuse(token.ReasonMalformed, "there are several Authorization headers")
	case len(headers[0]) > maxHeader:
		return "", refuse(token.ReasonTooLarge, "Authorization has %d bytes", len(headers[0]))
	}
	scheme, value, _ := strings.Cut(headers[0], " ")
	value = strings.TrimSpace(value)
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return same("", value, "Authorization")
	case strings.EqualFold(scheme, "Basic"):
		text, err := base64.StdEncoding.DecodeString(value)
		_, password, separated := strings.Cut(string(text), ":")
		if err != nil || !separated {
			return "", refuse(token.ReasonMalformed, "Authorization is no base64 of user:password")
		}
		return same("", password, "Authorization")
	}
	return "", refuse(token.ReasonMalformed, "Authorization is neither Bearer nor Basic")
}

// inQuery looks for api_key without decoding the whole query, which is long on other routes.
func inQuery(raw, query string) (string, error) {
	if query == "" {
		return raw, nil
	}
	if len(query) > maxQuery {
		return "", refuse(token.ReasonTooLarge, "the query has %d bytes", len(query))
	}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		// A name that cannot be decoded is not api_key; one with escapes may be.
		if name, err := url.QueryUnescape(name); err != nil || name != "api_key" {
			continue
		}
		value, err := url.QueryUnescape(value)
		if err != nil {
			return "", refuse(token.ReasonMalformed, "api_key is no escaped text")
		}
		if raw, err = same(raw, value, "api_key"); err != nil {
			return "", err
		}
	}
	return raw, nil
}

// same is the credential that was found before or the further one, which must not differ. The comparison need not be in
// constant time: both are the caller's own.
func same(before, further, where string) (string, error) {
	switch {
	case len(further) > token.MaxBytes:
		return "", refuse(token.ReasonTooLarge, "%s holds %d bytes", where, len(further))
	case further == "":
		return "", refuse(token.ReasonMalformed, "%s is empty", where)
	case !visible(further):
		// Decoders of base64 pass over line breaks: one token would have many texts.
		return "", refuse(token.ReasonMalformed, "%s holds what is no token", where)
	case before != "" && before != further:
		return "", refuse(token.ReasonMalformed, "%s differs from another credential of the request", where)
	}
	return further, nil
}

// visible says that a text holds nothing but visible ASCII. It is asked of every request, about some 500 bytes.
func visible(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}
