package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opsgen/opsgen/proxy/config"
)

// MaxBytes bounds a token's text. A token with all scopes has about 600 bytes.
const MaxBytes = 8 << 10

// MaxLifetime is the longest time from nbf to exp: ten years. A token that lives longer was made by mistake.
const MaxLifetime = 10*365*24*time.Hour + 3*24*time.Hour

// MaxIDBytes bounds jti and kid, which appear in logs.
const MaxIDBytes = 128

// subjectPrefix stands before the tenant's name in sub.
const subjectPrefix = "tenant:"

// Claims are what a token says. Times have whole seconds.
type Claims struct {
	// Issuer is iss.
	Issuer string
	// Audience is aud.
	Audience []string
	// Tenant is the name in sub = "tenant:<name>", a DNS label.
	Tenant string
	// Scopes are the known names in scope, each once, in the order of the token. Unknown ones are left out.
	Scopes []config.Scope
	// ID is jti, KeyID is the header's kid.
	ID, KeyID string
	// IssuedAt, NotBefore and Expires are iat, nbf and exp.
	IssuedAt, NotBefore, Expires time.Time
}

// payload is a token's second part as it was read; the pointers are nil for what is missing.
type payload struct {
	read          bool
	issuer        string
	audience      []string
	subject       string
	scope         string
	id            string
	iat, nbf, exp *int64
}

// UnmarshalJSON reads strictly: a member that is written twice would be read differently by different programs, and
// encoding/json would take "SUB" for "sub".
func (p *payload) UnmarshalJSON(data []byte) error {
	members, err := object(data)
	if err != nil {
		return err
	}
	p.read = true
	for name, into := range map[string]*string{"iss": &p.issuer, "sub": &p.subject, "scope": &p.scope, "jti": &p.id} {
		if raw, ok := members[name]; ok {
			if err := text(raw, into); err != nil {
				return fmt.Errorf("claim %s: %w", name, err)
			}
		}
	}
	for name, into := range map[string]**int64{"iat": &p.iat, "nbf": &p.nbf, "exp": &p.exp} {
		if raw, ok := members[name]; ok {
			if *into, err = seconds(raw); err != nil {
				return fmt.Errorf("claim %s: %w", name, err)
			}
		}
	}
	if raw, ok := members["aud"]; ok {
		if p.audience, err = audiences(raw); err != nil {
			return fmt.Errorf("claim aud: %w", err)
		}
	}
	return nil
}

// object reads a JSON object whose members are all different.
func object(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("is not UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, errors.New("is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, errors.New("is not valid JSON")
		}
		key, _ := name.(string)
		if _, repeated := members[key]; repeated {
			return nil, fmt.Errorf("has the member %s twice", quoted(key))
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, errors.New("is not valid JSON")
		}
		members[key] = value
	}
	if _, err := decoder.Token(); err != nil {
		return nil, errors.New("is not valid JSON")
	}
	if _, err := decoder.Token(); err == nil {
		return nil, errors.New("goes on after its end")
	}
	return members, nil
}

func text(raw json.RawMessage, into *string) error {
	if len(raw) == 0 || raw[0] != '"' {
		return errors.New("is not a text")
	}
	return json.Unmarshal(raw, into)
}

// latest is the end of the year 9999: what is later is no date.
const latest = 253402300799

func seconds(raw json.RawMessage) (*int64, error) {
	var value int64
	if err := json.Unmarshal(raw, &value); err != nil || raw[0] == 'n' || value < 0 || value > latest {
		return nil, errors.New("is not a time in whole seconds since 1970")
	}
	return &value, nil
}

func audiences(raw json.RawMessage) ([]string, error) {
	if len(raw) > 0 && raw[0] == '"' {
		var one string
		err := text(raw, &one)
		return []string{one}, err
	}
	var elements []json.RawMessage
	if err := json.Unmarshal(raw, &elements); err != nil {
		return nil, errors.New("is neither a text nor a list of texts")
	}
	several := make([]string, len(elements))
	for i, element := range elements {
		if err := text(element, &several[i]); err != nil {
			return nil, errors.New("is neither a text nor a list of texts")
		}
	}
	return several, nil
}

// tenantOf is the tenant that a subject names. The name goes into X-Scope-OrgID, where "|" would mean several tenants
// and ".." another folder, so that nothing but a DNS label is one.
func tenantOf(subject string) (string, bool) {
	name, found := strings.CutPrefix(subject, subjectPrefix)
	return name, found && len(validation.IsDNS1123Label(name)) == 0
}

// scopesOf are the known scopes in a scope claim.
func scopesOf(claim string) []config.Scope {
	known := config.Scopes()
	var scopes []config.Scope
	for name := range strings.SplitSeq(claim, " ") {
		if scope := config.Scope(name); slices.Contains(known, scope) && !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return scopes
}

// ValidID says whether a text can be a jti or kid: 1 to MaxIDBytes visible ASCII characters. It appears in logs and
// labels, where a line break or an escape sequence would forge a line.
func ValidID(id string) bool {
	return id != "" && len(id) <= MaxIDBytes && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
