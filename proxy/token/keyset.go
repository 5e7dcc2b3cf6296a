package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/proxy/config"
)

// KeysFileName is the name of the key set in clusters/<name>/keys/ and in its ConfigMap.
const KeysFileName = "jwks.json"

// MaxKeys bounds a key set: a cluster has one or two keys, and a few that were not retired yet.
const MaxKeys = 64

// Key is a public key that tokens are checked with.
type Key struct {
	// ID is kid.
	ID string
	// Algorithm is the only algorithm that the key is used with.
	Algorithm config.Algorithm
	// Public is an ed25519.PublicKey, an *ecdsa.PublicKey on P-256 or an *rsa.PublicKey of at least 2048 bits.
	Public crypto.PublicKey
	// Created is when the key was made, as the member "created" says; zero when it is not written.
	Created time.Time
}

// KeySet are the public keys of a cluster.
type KeySet struct {
	keys []Key
	byID map[string]int
}

// Find returns the key with an ID. A nil set has none.
func (s *KeySet) Find(kid string) (Key, bool) {
	if s == nil {
		return Key{}, false
	}
	i, found := s.byID[kid]
	if !found {
		return Key{}, false
	}
	return s.keys[i], true
}

// Keys are all keys in the order of the file.
func (s *KeySet) Keys() []Key {
	if s == nil {
		return nil
	}
	return slices.Clone(s.keys)
}

// ParseKeySet reads a JWK set (RFC 7517), strictly: each key has kid, alg and nothing that is private, fits its
// algorithm, and has an ID of its own. The error is document.Problems, all of them at once, in the file KeysFileName.
func ParseKeySet(data []byte) (*KeySet, error) { return ParseKeySetFile(KeysFileName, data) }

// ParseKeySetFile is ParseKeySet for a file with another name, which appears in messages.
func ParseKeySetFile(file string, data []byte) (*KeySet, error) {
	if !json.Valid(data) {
		return nil, document.Problems{{File: file, Message: "not valid JSON", Hint: `An empty key set is {"keys": []}.`}}
	}
	var set struct {
		Keys []map[string]any `json:"keys" jsonschema:"required"`
	}
	// JSON is YAML but for tabs, which valid JSON has only between values. Read so, each problem has its line.
	doc, err := document.Decode(file, bytes.ReplaceAll(data, []byte("\t"), []byte(" ")), &set)
	if err != nil {
		return nil, err
	}
	check := &document.Collector{Document: doc}
	if len(set.Keys) > MaxKeys {
		check.Fail("keys", "Remove keys that are retired.", "has %d keys; at most %d are read", len(set.Keys), MaxKeys)
		return nil, check.Problems
	}
	keys := &KeySet{byID: map[string]int{}}
	for i, members := range set.Keys {
		at := fmt.Sprintf("keys[%d]", i)
		key, ok := parseKey(check, at, members)
		if first, repeated := keys.byID[key.ID]; repeated && key.ID != "" {
			check.Fail(at+".kid", "Two keys with one ID: remove one, or name it otherwise.", "is %q like keys[%d].kid", key.ID, first)
			continue
		}
		keys.byID[key.ID] = i
		if ok {
			keys.keys = append(keys.keys, key)
		}
	}
	if err := check.Problems.Err(); err != nil {
		return nil, err
	}
	return keys, nil
}

// privateMembers are the members of a JWK that belong to nobody but the signer (RFC 7518 6.2.2, 6.3.2, 6.4).
func privateMembers() []string { return []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} }

func publicMembers() []string {
	return []string{"kty", "kid", "alg", "use", "key_ops", "crv", "x", "y", "n", "e", "created"}
}

func parseKey(check *document.Collector, at string, members map[string]any) (Key, bool) {
	before := len(check.Problems)
	key := Key{}
	key.ID, _ = members["kid"].(string)
	for _, name := range privateMembers() {
		if _, there := members[name]; there {
			check.Fail(at+"."+name, "Whoever has read this file can sign tokens: make a new key with opsgen token keygen, remove this one here, and revoke it with opsgen token revoke --key.",
				"is a PRIVATE part of the key, and this file is public")
			return key, false
		}
	}
	for name := range members {
		if !slices.Contains(publicMembers(), name) {
			check.Fail(at+"."+name, "Members here are: "+strings.Join(publicMembers(), ", ")+".", "is not a known member of a public key")
		}
	}
	if !ValidID(key.ID) {
		check.Fail(at+".kid", `Write a name such as "2026-11".`, "is missing, or not 1 to %d visible ASCII characters", MaxIDBytes)
	}
	algorithm, _ := members["alg"].(string)
	key.Algorithm = config.Algorithm(algorithm)
	if !slices.Contains(config.Algorithms(), key.Algorithm) {
		check.Fail(at+".alg", "Write EdDSA, ES256 or RS256.", "is %q", algorithm)
	}
	if use, there := members["use"]; there && use != "sig" {
		check.Fail(at+".use", `Write "sig".`, "is %q", use)
	}
	if created, there := members["created"]; there {
		when, err := time.Parse(time.RFC3339, fmt.Sprint(created))
		if err != nil {
			check.Fail(at+".created", `Write a time such as "2026-11-01T08:00:00Z".`, "is %q, which is not a time", created)
		}
		key.Created = when
	}
	if len(check.Problems) > before {
		return key, false
	}
	var problem string
	if key.Public, problem = publicKey(members, key.Algorithm); problem != "" {
		check.Fail(at, "", "%s", problem)
		return key, false
	}
	return key, true
}

// publicKey decodes the key itself. The problem is empty when it fits the algorithm.
func publicKey(members map[string]any, algorithm config.Algorithm) (public crypto.PublicKey, problem string) {
	members = copyWithout(members, "created", "key_ops")
	encoded, err := json.Marshal(members)
	if err != nil {
		return nil, "cannot be read as a key"
	}
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(encoded); err != nil {
		return nil, "cannot be read as a key: " + strings.TrimPrefix(err.Error(), "go-jose/go-jose: ")
	}
	if problem := unfit(parsed.Key, algorithm); problem != "" {
		return nil, problem
	}
	// The library fills a short Ed25519 key up with zeros and cuts a long one (go-jose, jwk.go, v4.1): a key must be what
	// its text says, to the letter.
	written, err := json.Marshal(jose.JSONWebKey{Key: parsed.Key})
	var canonical map[string]any
	if err != nil || json.Unmarshal(written, &canonical) != nil {
		return nil, "cannot be read as a key"
	}
	for _, name := range []string{"crv", "x", "y", "n", "e"} {
		if canonical[name] != members[name] {
			return nil, "cannot be read as a key: " + name + " has a wrong length, or is not written as RFC 7518 says"
		}
	}
	return parsed.Key, ""
}

func copyWithout(members map[string]any, names ...string) map[string]any {
	kept := make(map[string]any, len(members))
	for name, value := range members {
		if !slices.Contains(names, name) {
			kept[name] = value
		}
	}
	return kept
}

// unfit says why a public key cannot be used with an algorithm, "" if it can.
func unfit(public crypto.PublicKey, algorithm config.Algorithm) string {
	fits := AlgorithmOf(public)
	switch key := public.(type) {
	case *rsa.PublicKey:
		// Below 2048 bits a signature can be forged with much money; above 8192 a check costs milliseconds.
		if bits := key.N.BitLen(); bits < 2048 || bits > 8192 {
			return fmt.Sprintf("is an RSA key of %d bits; it must have 2048 to 8192", bits)
		}
		// With an exponent of 1 every signature is right.
		if key.E < 65537 || key.E%2 == 0 {
			return fmt.Sprintf("is an RSA key with the exponent %d; write a key with 65537", key.E)
		}
	case ed25519.PublicKey:
		if len(key) != ed25519.PublicKeySize {
			return "is an Ed25519 key of a wrong length"
		}
	}
	if fits == "" {
		return "is none of Ed25519, EC on P-256 and RSA"
	}
	if fits != algorithm {
		return fmt.Sprintf("is a key for %s, but its alg is %s", fits, algorithm)
	}
	return ""
}

// AlgorithmOf is the algorithm that a public key is used with, "" for kinds of keys that are not accepted.
func AlgorithmOf(public crypto.PublicKey) config.Algorithm {
	switch key := public.(type) {
	case ed25519.PublicKey:
		return config.EdDSA
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return config.ES256
		}
	case *rsa.PublicKey:
		return config.RS256
	}
	return ""
}
