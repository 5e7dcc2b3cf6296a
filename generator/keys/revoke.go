package keys

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/proxy/token"
)

// ErrRevoked is returned for what is revoked already.
var ErrRevoked = errors.New("is revoked already")

// RevokeToken adds a token to revocations.yaml.
func (f *Folder) RevokeToken(entry token.RevokedToken) error {
	for _, known := range f.Revocations.List().Tokens {
		if known.ID == entry.ID {
			return fmt.Errorf("token %q %w", entry.ID, ErrRevoked)
		}
	}
	fields := []string{"id", entry.ID, "reason", entry.Reason}
	if entry.Until != nil {
		fields = append(fields, "until", entry.Until.UTC().Format(time.RFC3339))
	}
	return f.add("tokens", fields)
}

// RevokeKey adds a key to revocations.yaml.
func (f *Folder) RevokeKey(entry token.RevokedKey) error {
	if f.Revoked(entry.ID) {
		return fmt.Errorf("key %q %w", entry.ID, ErrRevoked)
	}
	return f.add("keys", []string{"id", entry.ID, "reason", entry.Reason})
}

// RevokeBefore adds a time to revocations.yaml.
func (f *Folder) RevokeBefore(entry token.IssuedBefore) error {
	fields := []string{"time", entry.Time.UTC().Format(time.RFC3339)}
	if entry.Tenant != "" {
		fields = append(fields, "tenant", entry.Tenant)
	}
	return f.add("issuedBefore", append(fields, "reason", entry.Reason))
}

// add appends an entry to a list of the file. Everything else in it stays, comments included.
func (f *Folder) add(list string, fields []string) error {
	text := f.revocations
	if text == nil {
		text = []byte("# What the front door refuses although its signature is right. Written by opsgen token revoke.\ntokens: []\n")
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return fmt.Errorf("read %s: %w", f.RevocationsFile(), err)
	}
	entry := &yaml.Node{Kind: yaml.MappingNode}
	for _, field := range fields {
		node := &yaml.Node{}
		node.SetString(field)
		entry.Content = append(entry.Content, node)
	}
	entries := sequence(document.Content[0], list)
	entries.Style = 0
	entries.Content = append(entries.Content, entry)
	var written bytes.Buffer
	encoder := yaml.NewEncoder(&written)
	encoder.SetIndent(2)
	if err := errors.Join(encoder.Encode(&document), encoder.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.RevocationsFile(), err)
	}
	revocations, err := token.ParseRevocationsFile(f.RevocationsFile(), written.Bytes())
	if err != nil {
		return err
	}
	if err := f.write(token.RevocationsFileName, written.Bytes()); err != nil {
		return err
	}
	f.Revocations, f.revocations = revocations, written.Bytes()
	return nil
}

// sequence is the list under a key of a mapping, made where it is missing or empty.
func sequence(mapping *yaml.Node, key string) *yaml.Node {
	mapping.Style = 0
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value != key {
			continue
		}
		if mapping.Content[i+1].Kind != yaml.SequenceNode {
			mapping.Content[i+1] = &yaml.Node{Kind: yaml.SequenceNode}
		}
		return mapping.Content[i+1]
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	name := &yaml.Node{}
	name.SetString(key)
	mapping.Content = append(mapping.Content, name, list)
	return list
}
