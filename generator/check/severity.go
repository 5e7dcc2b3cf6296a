package check

import "fmt"

// UnmarshalText reads the word for a severity.
func (s *Severity) UnmarshalText(text []byte) error {
	for _, severity := range []Severity{Error, Warning, Waived} {
		if string(text) == severity.String() {
			*s = severity
			return nil
		}
	}
	return fmt.Errorf("%q is no severity", text)
}
