package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth is deeper than any dashboard, and shallow enough for recursion.
const maxDepth = 100

// node is a JSON value with its place.
type node struct {
	// offset is where the value begins, in bytes.
	offset int64
	// value is a string, json.Number, bool or nil of a value that is neither an object nor a list.
	value  any
	fields map[string]*node
	keys   []string
	items  []*node
}

// syntaxError is a mistake at a place.
type syntaxError struct {
	offset  int64
	message string
}

func (e *syntaxError) Error() string { return e.message }

// parse reads exactly one JSON value.
func parse(text string) (*node, error) {
	p := parser{text: text, decoder: json.NewDecoder(strings.NewReader(text))}
	p.decoder.UseNumber()
	root, err := p.next(0)
	if err != nil {
		return nil, p.located(err)
	}
	if end := p.begin(); end < int64(len(text)) {
		return nil, &syntaxError{end, "something follows the end of the dashboard"}
	}
	return root, nil
}

type parser struct {
	text    string
	decoder *json.Decoder
}

// begin is where the next value begins.
func (p *parser) begin() int64 {
	at := p.decoder.InputOffset()
	for at < int64(len(p.text)) && bytes.IndexByte([]byte(" \t\r\n:,"), p.text[at]) >= 0 {
		at++
	}
	return at
}

func (p *parser) next(depth int) (*node, error) {
	n := &node{offset: p.begin()}
	if depth > maxDepth {
		return nil, &syntaxError{n.offset, fmt.Sprintf("values are nested more than %d deep", maxDepth)}
	}
	token, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return n, p.object(n, depth)
	case json.Delim('['):
		for p.decoder.More() {
			item, err := p.next(depth + 1)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, item)
		}
		_, err := p.decoder.Token()
		return n, err
	default:
		n.value = token
		return n, nil
	}
}

func (p *parser) object(n *node, depth int) error {
	n.fields = map[string]*node{}
	for p.decoder.More() {
		at := p.begin()
		token, err := p.decoder.Token()
		if err != nil {
			return err
		}
		key, _ := token.(string) // the decoder takes nothing else in this place
		if n.fields[key] != nil {
			return &syntaxError{at, fmt.Sprintf("%q is written twice in one object", key)}
		}
		if n.fields[key], err = p.next(depth + 1); err != nil {
			return err
		}
		n.keys = append(n.keys, key)
	}
	_, err := p.decoder.Token()
	return err
}

// located gives an error of the JSON library its place.
func (p *parser) located(err error) error {
	var here *syntaxError
	if errors.As(err, &here) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &syntaxError{int64(len(p.text)), "the text ends in the middle"}
	}
	return &syntaxError{p.begin(), err.Error()}
}

// field is a field of an object, nil where there is none.
func (n *node) field(name string) *node {
	if n == nil {
		return nil
	}
	return n.fields[name]
}

// text is a value that is a string, "" otherwise.
func (n *node) text() string {
	if n == nil {
		return ""
	}
	text, _ := n.value.(string)
	return text
}
