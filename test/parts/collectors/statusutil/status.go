// Package statusutil takes the place of the Collector's internal package of that name, whose module cannot be had: it
// turns statuses of HTTP into those of gRPC, as the OTLP specification wants it (section "OTLP/HTTP Response").
package statusutil

import (
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// NewStatusFromMsgAndHTTPCode answers the status of gRPC that is nearest to one of HTTP.
func NewStatusFromMsgAndHTTPCode(message string, code int) *status.Status {
	return status.New(nearest(code), message)
}

func nearest(code int) codes.Code {
	switch code {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.Unimplemented
	case http.StatusTooManyRequests:
		return codes.ResourceExhausted
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return codes.Unavailable
	}
	return codes.Unknown
}

// GetRetryInfo answers when a status says to try again, or nil.
func GetRetryInfo(s *status.Status) *errdetails.RetryInfo {
	for _, d := range s.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info
		}
	}
	return nil
}
