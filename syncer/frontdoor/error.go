package frontdoor

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what an answer may ask for: a day in a header must not keep a tenant's rules away for a day.
const maxRetryAfter = 10 * time.Minute

// Error is an answer that is no success, or none at all.
type Error struct {
	// Status is the HTTP status; 0 when no answer came.
	Status int
	// Message is what the answer says, at most 2 KiB on one line, or why none came.
	Message string
	// RetryAfter is how long the answer asks to wait, at most 10 minutes; 0 when it says nothing.
	RetryAfter time.Duration
}

// Error says it with the status.
func (e *Error) Error() string {
	if e.Status == 0 {
		return e.Message
	}
	return fmt.Sprintf("%d %s: %s", e.Status, http.StatusText(e.Status), e.Message)
}

// Refused says that the request was understood and is wrong: sending the same again leads to the same answer.
func (e *Error) Refused() bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// Reason is a bounded word for metrics: "refused", "rights", "missing", "limited", "unavailable" or "unreachable".
func (e *Error) Reason() string {
	switch {
	case e.Status == 0:
		return "unreachable"
	case e.Refused():
		return "refused"
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusForbidden:
		return "rights"
	case e.Status == http.StatusNotFound:
		return "missing"
	case e.Status == http.StatusTooManyRequests:
		return "limited"
	}
	return "unavailable"
}

// As is err's *Error, or nil.
func As(err error) *Error {
	var e *Error
	errors.As(err, &e)
	return e
}

// Absent says that the component itself answered that there is nothing, in its own words.
//
// The threat is an outage that looks like emptiness: a proxy without a route, a gateway or a component that is just
// starting answers 404 as well. Whoever took that for "nothing is there" would write or delete by it.
func Absent(err error, words string) bool {
	e := As(err)
	return e != nil && e.Status == http.StatusNotFound && e.Message == words
}

// retryAfter reads the header, which holds seconds or a date (RFC 9110, 10.2.3).
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.Atoi(text); err == nil {
		wait = time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// oneLine is a message for people: without line breaks, and short.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 2048 {
		text = strings.ToValidUTF8(text[:2048], "") + " …"
	}
	if text == "" {
		return "the answer says nothing"
	}
	return text
}
