package alertmanager

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/opsgen/opsgen/generator/alerting"
)

// Secrets are the values that were put into a configuration, with the references that stand for them.
type Secrets map[alerting.Reference]string

// Expand puts the values of secrets in place of their references. It answers those it used, for Redact. The error names
// the reference and never a value; that of lookup is wrapped.
func Expand(text string, lookup func(name, key string) (string, error)) (string, Secrets, error) {
	used := Secrets{}
	expanded, err := alerting.Expand(text, func(name, key string) (string, error) {
		value, err := lookup(name, key)
		if err == nil {
			used[alerting.Reference{Name: name, Key: key}] = value
		}
		return value, err
	})
	if err != nil {
		return "", nil, err
	}
	// A reference that is sent as it stands would be a receiver's password of that text, and look as if all were well.
	left, err := alerting.References(expanded)
	if err != nil {
		return "", nil, fmt.Errorf("the references of alertmanager.yaml: %w", err)
	}
	if len(left) > 0 {
		return "", nil, errors.New("alertmanager.yaml holds a reference that was not replaced; write ${secret:name/key}")
	}
	return expanded, used, nil
}

// part is how many bytes of a secret in a row may not be in a message.
const part = 10

// Redact takes secrets out of what Cortex says about a configuration: it quotes what it does not understand.
func (s Secrets) Redact(message string) string {
	for reference, value := range s {
		value = strings.TrimRight(value, "\r\n")
		stands := reference.String()
		if len(value) < 4 {
			continue
		}
		quoted := strconv.Quote(value)
		for _, form := range []string{value, quoted[1 : len(quoted)-1]} {
			message = strings.ReplaceAll(message, form, stands)
		}
		// YAML's parser quotes the first seven bytes of a long value, with dots after them.
		for n := min(part, len(value)) - 1; n >= 4; n-- {
			message = strings.ReplaceAll(message, value[:n]+"...", stands)
		}
	}
	for _, value := range s {
		for i := 0; i+part <= len(value); i++ {
			if strings.Contains(message, value[i:i+part]) {
				return "it is refused; the reason quotes a part of a secret and is not shown"
			}
		}
	}
	return message
}
