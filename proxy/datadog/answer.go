package datadog

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/opsgen/opsgen/proxy/limit"
)

// What an agent does with an answer (datadog-agent, comp/forwarder/defaultforwarder/transaction/transaction.go and
// pkg/logs/client/http/destination.go, main of 2025): it drops a payload on 400, 403 and 413, logs also on 401, and
// sends it again after every other status above 400, also after 404 and 422. So the answers here are 202, 400, 413, 429
// and 5xx, and 408 where the body did not arrive.

// upstreamError is an answer of Cortex or Loki, or none, that says that the payload shall come again.
type upstreamError struct {
	status     int
	retryAfter string
	detail     string
}

func (e *upstreamError) Error() string { return e.detail }

// refusedError is the first answer that refused data for good.
type refusedError struct{ detail string }

func (e *refusedError) Error() string { return e.detail }

// judge makes an error of what an upstream answered. Only 400, 413 and 422 are about the data; with any other status
// (a wrong path or an upstream that does not know the proxy) the data is good, and must come again.
func judge(what string, answer *Answer, err error) error {
	if err != nil || answer == nil {
		return &upstreamError{status: http.StatusServiceUnavailable, detail: what + " cannot be reached"}
	}
	switch status := answer.Status; {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge, status == http.StatusUnprocessableEntity:
		return &refusedError{detail: fmt.Sprintf("%s refused: %.500q", what, answer.Body)}
	case status == http.StatusTooManyRequests, status >= 500 && status < 600:
		return &upstreamError{status: status, retryAfter: answer.RetryAfter, detail: fmt.Sprintf("%s answered %d: %.500q", what, status, answer.Body)}
	default:
		return &upstreamError{status: http.StatusBadGateway, detail: fmt.Sprintf("%s answered %d", what, status)}
	}
}

// failure is the status, Retry-After and message for an error of a payload; w says whether the body arrived.
func failure(err error, w *wire) (status int, retryAfter, message string) {
	var refusal *limit.Refusal
	var tooLarge *http.MaxBytesError
	var upstream *upstreamError
	var refused *refusedError
	cause := err
	if w.err != nil {
		cause = w.err
	}
	switch {
	case errors.As(err, &upstream):
		return upstream.status, upstream.retryAfter, upstream.detail
	case errors.As(cause, &refusal):
		if refusal.RetryAfter > 0 {
			retryAfter = strconv.Itoa(int(refusal.RetryAfter / time.Second))
		}
		return refusal.Status, retryAfter, refusal.Error()
	case errors.As(cause, &tooLarge), errors.Is(err, errTooLarge), errors.Is(err, zstd.ErrWindowSizeExceeded),
		errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return http.StatusRequestEntityTooLarge, "", errTooLarge.Error()
	case w.err != nil:
		return http.StatusRequestTimeout, "", "the body did not arrive"
	case errors.As(err, &refused):
		return http.StatusBadRequest, "", refused.detail
	}
	return http.StatusBadRequest, "", err.Error()
}

// success writes what agents and clients of the API expect of each path.
func success(w http.ResponseWriter, path string) {
	switch path {
	case "/api/v1/validate":
		write(w, http.StatusOK, `{"valid":true}`)
	case "/api/v2/series":
		write(w, http.StatusAccepted, `{"errors":[]}`)
	case "/v1/input":
		write(w, http.StatusOK, `{}`)
	case "/api/v2/logs", "/api/beta/sketches", "/api/intake/metrics/v3/series", "/api/intake/metrics/v3/sketches":
		write(w, http.StatusAccepted, `{}`)
	default:
		write(w, http.StatusAccepted, `{"status":"ok"}`)
	}
}

// formatError answers an error in the form of Datadog's API: {"errors": ["message"]}. retryAfter is in seconds, "" for
// none. A caller that is not let in gets 403, as agents know no other status for a wrong key.
func formatError(w http.ResponseWriter, status int, retryAfter, message string) {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	body, err := json.Marshal(struct {
		Errors []string `json:"errors"`
	}{[]string{message}})
	if err != nil {
		body = []byte(`{"errors":[]}`)
	}
	write(w, status, string(body))
}

func write(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body)) // the agent has gone: nobody is left to tell
}
