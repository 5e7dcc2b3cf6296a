package route

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// FormatError answers an error as the component's clients expect it: Prometheus' JSON for Metrics, plain text for Logs
// (Loki 3.7.8, pkg/util/server/error.go), google.rpc.Status for OTLP, as protobuf or JSON like the request
// (opentelemetry-proto 1.9, docs/specification.md, "Failures"), {"errors": […]} for DatadogIntake, and {"message": …} as
// Grafana for everything else. message is for people and holds nothing secret; requestID is in it and in the header
// X-Request-Id. Headers that the caller set (Allow, Retry-After, WWW-Authenticate) are kept.
func FormatError(w http.ResponseWriter, r *http.Request, component string, status int, message, requestID string) {
	if requestID != "" {
		message += " (request " + requestID + ")"
		w.Header().Set("X-Request-Id", requestID)
	}
	var body []byte
	kind := "application/json"
	switch component {
	case Metrics:
		body = asJSON(prometheusError{Status: "error", Type: errorType(status), Error: message})
	case Logs:
		kind = "text/plain; charset=utf-8"
		body = []byte(message + "\n")
	case OTLP:
		if kind, body = protobufType, rpcStatus(rpcCode(status), message); !isProtobuf(r.Header) {
			kind, body = "application/json", asJSON(rpcStatusJSON{Code: rpcCode(status), Message: message})
		}
	case DatadogIntake:
		body = asJSON(datadogError{Errors: []string{message}})
	default:
		body = asJSON(grafanaError{Message: message, RequestID: requestID})
	}
	header := w.Header()
	header.Del("Content-Encoding") // of an answer that was begun and given up
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}

type prometheusError struct {
	Status string `json:"status"`
	Type   string `json:"errorType"`
	Error  string `json:"error"`
}

// RetryableStatus is what a sender of OTLP must be answered for it to send again what it was right to send: it gives up
// its data for every status but 429, 502, 503 and 504 (opentelemetry-proto 1.9, docs/specification.md, "Retryable
// Response Codes"), where senders of remote write and of logs try again after each 5xx.
func RetryableStatus(status int) int {
	if status == http.StatusInternalServerError || status == http.StatusRequestTimeout {
		return http.StatusServiceUnavailable
	}
	return status
}

const protobufType = "application/x-protobuf"

func isProtobuf(header http.Header) bool {
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(kind), protobufType)
}

// rpcStatus is google.rpc.Status (googleapis, google/rpc/status.proto): 1 is the code, 2 the message.
func rpcStatus(code int, message string) []byte {
	out := protowire.AppendTag(nil, 1, protowire.VarintType)
	out = protowire.AppendVarint(out, uint64(code)) //nolint:gosec // 1 to 16
	out = protowire.AppendTag(out, 2, protowire.BytesType)
	return protowire.AppendString(out, message)
}

type rpcStatusJSON struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

type datadogError struct {
	Errors []string `json:"errors"`
}

type grafanaError struct {
	Message   string `json:"message"`
	RequestID string `json:"requestId,omitempty"`
}

func asJSON(body any) []byte {
	data, err := json.Marshal(body)
	if err != nil { // cannot be: they are strings and a number
		return []byte("{}")
	}
	return append(data, '\n')
}

// errorType is errorType in Prometheus' answers (Prometheus 3.x, web/api/v1/api.go), and for statuses that Prometheus
// never gives, the name of the status in its spelling.
func errorType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusUnprocessableEntity:
		return "execution"
	case http.StatusTooManyRequests:
		return "too_many_requests"
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return "unavailable"
	case http.StatusGatewayTimeout:
		return "timeout"
	case 499:
		return "canceled"
	}
	if status >= 500 {
		return "internal"
	}
	return "bad_data"
}

// rpcCode is the code of google.rpc.Status for a status of HTTP (googleapis, google/rpc/code.proto).
func rpcCode(status int) int {
	switch status {
	case 499:
		return 1
	case http.StatusUnauthorized:
		return 16
	case http.StatusForbidden:
		return 7
	case http.StatusNotFound:
		return 5
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return 12
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		return 8
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return 14
	case http.StatusGatewayTimeout:
		return 4
	}
	if status >= 500 {
		return 13
	}
	return 3
}
