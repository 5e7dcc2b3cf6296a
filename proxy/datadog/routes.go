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
	// Scope is what a caller must be allowed to do; empty lets every caller of the tenant. Every route of an agent that
	// sends no logs needs metrics:write only.
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
	columnar
	intake
	events
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
	metrics := func(path, name string, kind payload) served {
		return served{Route{Method: http.MethodPost, Path: path, Name: "datadog_" + name, Scope: config.MetricsWrite}, kind}
	}
	list := []served{
		// Whether a key is good says nothing of what it is good for: an agent for logs only asks the same.
		{Route{Method: http.MethodGet, Path: "/api/v1/validate", Name: "datadog_validate"}, nothing},
		metrics("/api/v1/series", "series", seriesJSON),
		metrics("/api/v2/series", "series", seriesEither),
		// Version 3 is what agents 7.81 send to every address, and later ones to Datadog's own only, unless they are told to
		// (datadog-agent, pull requests 52059 and 53466).
		metrics("/api/intake/metrics/v3/series", "series", columnar),
		metrics("/api/intake/metrics/v3/sketches", "sketches", columnar),
		metrics("/api/v1/check_run", "check_run", checkRuns),
		metrics("/api/beta/sketches", "sketches", sketches),
		metrics("/intake", "intake", intake),
		metrics("/intake/", "intake", intake),
		{Route{Method: http.MethodPost, Path: "/api/v2/logs", Name: "datadog_logs", Scope: config.LogsWrite}, logs},
		{Route{Method: http.MethodPost, Path: "/v1/input", Name: "datadog_logs", Scope: config.LogsWrite}, logs},
	}
	list = append(list, metrics("/api/v1/events", "dropped", events), metrics("/api/v2/events", "dropped", events))
	for _, path := range []string{
		"/api/v1/metadata", "/api/v2/host_metadata", "/api/v1/host_metadata",
		"/api/v1/collector", "/api/v1/container", "/api/v1/connections", "/api/v1/discovery", "/api/v1/orchestrator",
		"/api/v2/orch", "/api/v2/orchmanif", "/api/v2/contlcycle", "/api/v2/contimage", "/api/v2/sbom", "/api/v2/apmtelemetry",
		"/support/flare",
	} {
		list = append(list, metrics(path, "dropped", dropped))
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
