package datadog

import (
	"bytes"
	"fmt"
)

// members calls read for each member of a JSON object, with the name's content and the value as it is written. The
// object must be valid JSON, as a decoder has found; this only finds where the members are, without a copy.
func members(object []byte, read func(name, value []byte)) error {
	rest := bytes.TrimLeft(object, whiteSpace)
	if len(rest) == 0 || rest[0] != '{' {
		return fmt.Errorf("%w: a log is no object", errFormat)
	}
	rest = rest[1:]
	for {
		rest = bytes.TrimLeft(rest, whiteSpace+",")
		if len(rest) == 0 || rest[0] != '"' {
			return nil
		}
		end := valueEnd(rest)
		name := text(rest[:end])
		rest = bytes.TrimLeft(rest[end:], whiteSpace+":")
		end = valueEnd(rest)
		read(name, bytes.TrimRight(rest[:end], whiteSpace))
		rest = rest[end:]
	}
}

const whiteSpace = " \t\r\n"

// valueEnd is how long the JSON value is that the data begins with.
func valueEnd(data []byte) int {
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return min(i+1, len(data))
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(data)
}
