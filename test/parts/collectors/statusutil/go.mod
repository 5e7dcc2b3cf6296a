// The Go module proxy does not serve this internal module of the Collector; see status.go.
module go.opentelemetry.io/collector/internal/statusutil

go 1.26.8
