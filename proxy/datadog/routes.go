package datadog

import (
	"net/http"

	"github.com/opsgen/opsgen/proxy/config"
)

// Route is one method and path that agents use.
type Route struct {
	// Method is the HTTP method, in capitals.
	Method string
	// Path is the exact path, as the agent calls it. There are no patterns.
	Path string
	// Name is a bounded label for metrics, such as "datadog_series". Routes of one kind share it.
	Name string
	// Scope is what a caller must be allowed to do. Every route of an agent that sends no logs needs metrics:write only.
	Scope config.Scope
}

// payload says what a route's body is.
type payload int

const (
	nothing payload = iota
	seriesJSON
	seriesEither
	checkRuns
	sketches
	intake
	logs
	dropped
)

// served is a route with what its body is.
type served struct {
	Route
	payload payload
}

// routes is what Handler serves. Paths below "dropped" carry what has no place in Cortex or Loki: an agent that got an
// error for them would send them again and again, or write an error into its log at each flush.
func routes() []served {
	metrics := func(method, path, name string, kind payload) served {
		return served{Route{Method: method, Path: path, Name: "datadog_" + name, Scope: config.MetricsWrite}, kind}
	}
	list := []served{
		metrics(http.MethodGet, "/api/v1/validate", "validate", nothing),
		metrics(http.MethodPost, "/api/v1/series", "series", seriesJSON),
		metrics(http.MethodPost, "/api/v2/series", "series", seriesEither),
		metrics(http.MethodPost, "/api/v1/check_run", "check_run", checkRuns),
		metrics(http.MethodPost, "/api/beta/sketches", "sketches", sketches),
		metrics(http.MethodPost, "/intake", "intake", intake),
		metrics(http.MethodPost, "/intake/", "intake", intake),
		{Route{Method: http.MethodPost, Path: "/api/v2/logs", Name: "datadog_logs", Scope: config.LogsWrite}, logs},
		{Route{Method: http.MethodPost, Path: "/v1/input", Name: "datadog_logs", Scope: config.LogsWrite}, logs},
	}
	for _, path := range []string{
		"/api/v1/metadata", "/api/v2/host_metadata", "/api/v1/host_metadata", "/api/v1/events", "/api/v2/events",
		"/api/v1/collector", "/api/v1/container", "/api/v1/connections", "/api/v1/discovery", "/api/v1/orchestrator",
		"/api/v2/orch", "/api/v2/orchmanif", "/api/v2/contlcycle", "/api/v2/contimage", "/api/v2/sbom", "/api/v2/apmtelemetry",
		"/support/flare",
	} {
		list = append(list, metrics(http.MethodPost, path, "dropped", dropped))
	}
	return list
}

// Routes is every method and path that Handler serves, for the router. Anything else is the router's 404 or 405.
func Routes() []Route {
	list := routes()
	public := make([]Route, 0, len(list))
	for _, entry := range list {
		public = append(public, entry.Route)
	}
	return public
}
