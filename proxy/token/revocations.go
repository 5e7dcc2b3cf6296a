package token

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/opsgen/opsgen/generator/document"
)

// RevocationsFileName is the name of the list in clusters/<name>/keys/ and in its ConfigMap.
const RevocationsFileName = "revocations.yaml"

// RevocationList is revocations.yaml: what is refused although its signature is right. Entries are never deleted by the
// proxy; a token's entry may be removed once the token is expired.
type RevocationList struct {
	// Tokens are single tokens.
	Tokens []RevokedToken `json:"tokens,omitempty"`
	// Keys are keys: every token that one of them signed is refused.
	Keys []RevokedKey `json:"keys,omitempty"`
	// IssuedBefore refuses tokens by their age.
	IssuedBefore []IssuedBefore `json:"issuedBefore,omitempty"`
}

// RevokedToken is one token that is refused.
type RevokedToken struct {
	// ID is the token's jti.
	ID string `json:"id" jsonschema:"required"`
	// Reason is for people who read the list.
	Reason string `json:"reason" jsonschema:"required"`
	// Until is when the token expires, and the entry may be removed. It does not end the revocation: a wrong date must
	// not make a token valid again.
	Until *time.Time `json:"until,omitempty"`
}

// RevokedKey is a key whose tokens are refused.
type RevokedKey struct {
	// ID is the key's kid.
	ID string `json:"id" jsonschema:"required"`
	// Reason is for people who read the list.
	Reason string `json:"reason" jsonschema:"required"`
}

// IssuedBefore refuses tokens whose iat is before a time.
type IssuedBefore struct {
	// Time is the time; a token issued in this very second is valid.
	Time time.Time `json:"time" jsonschema:"required"`
	// Tenant is whose tokens are meant; left out, those of all tenants.
	Tenant string `json:"tenant,omitempty"`
	// Reason is for people who read the list.
	Reason string `json:"reason" jsonschema:"required"`
}

// Revocations is a RevocationList, ready to be asked.
type Revocations struct {
	list    RevocationList
	tokens  map[string]bool
	keys    map[string]bool
	all     time.Time
	tenants map[string]time.Time
}

// List is what was read.
func (r *Revocations) List() RevocationList {
	if r == nil {
		return RevocationList{}
	}
	return r.list
}

// ParseRevocations reads revocations.yaml, strictly. An empty file is refused: it is more likely a broken one, and would
// make every revoked token valid again. The error is document.Problems in the file RevocationsFileName.
func ParseRevocations(data []byte) (*Revocations, error) {
	return ParseRevocationsFile(RevocationsFileName, data)
}

// ParseRevocationsFile is ParseRevocations for a file with another name, which appears in messages.
func ParseRevocationsFile(file string, data []byte) (*Revocations, error) {
	var list RevocationList
	doc, err := document.Decode(file, data, &list)
	if err != nil {
		return nil, err
	}
	r := &Revocations{list: list, tokens: map[string]bool{}, keys: map[string]bool{}, tenants: map[string]time.Time{}}
	check := &document.Collector{Document: doc}
	for i, entry := range list.Tokens {
		revokedID(check, fmt.Sprintf("tokens[%d].id", i), entry.ID, r.tokens)
	}
	for i, entry := range list.Keys {
		revokedID(check, fmt.Sprintf("keys[%d].id", i), entry.ID, r.keys)
	}
	for i, entry := range list.IssuedBefore {
		if entry.Tenant == "" {
			r.all = later(r.all, entry.Time)
			continue
		}
		if len(validation.IsDNS1123Label(entry.Tenant)) > 0 {
			check.Fail(fmt.Sprintf("issuedBefore[%d].tenant", i), "Write the tenant's name, or leave it out for all tenants.",
				"is %q, which is not a tenant's name", entry.Tenant)
		}
		r.tenants[entry.Tenant] = later(r.tenants[entry.Tenant], entry.Time)
	}
	if err := check.Problems.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

// revokedID also refuses what no token can have: a revocation with a typing error revokes nothing.
func revokedID(check *document.Collector, at, id string, known map[string]bool) {
	if !ValidID(id) {
		check.Fail(at, "Write the ID as opsgen token issue and inspect show it.", "is %s, which is not 1 to %d visible ASCII characters", quoted(id), MaxIDBytes)
	}
	if known[id] {
		check.Fail(at, "Remove one of the two.", "is %q, which is revoked above already", id)
	}
	known[id] = true
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// find says why a token is revoked. A nil list revokes nothing.
func (r *Revocations) find(c *Claims) (why string, revoked bool) {
	switch {
	case r == nil:
		return "", false
	case r.tokens[c.ID]:
		return "token " + quoted(c.ID) + " is revoked", true
	case r.keys[c.KeyID]:
		return "its key " + quoted(c.KeyID) + " is revoked", true
	case c.IssuedAt.Before(r.all):
		return "tokens issued before " + r.all.Format(time.RFC3339) + " are revoked", true
	case c.IssuedAt.Before(r.tenants[c.Tenant]):
		return "tokens of " + c.Tenant + " issued before " + r.tenants[c.Tenant].Format(time.RFC3339) + " are revoked", true
	}
	return "", false
}
