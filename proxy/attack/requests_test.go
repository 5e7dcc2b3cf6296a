package attack

import (
	"strings"
)

// row is one request as bytes. In text, {good} is a token of the tenant with all that it may do, {writer} one that may
// only write, {reader} one that may only read, {foreign} one of the other tenant, {host} the host of metrics.
type row struct {
	text string
	// want are the statuses that are right; 0 is a connection closed without an answer.
	want []int
	// reaches says that the request is harmless, and arrives as the caller's own tenant.
	reaches bool
	// internal sends it to the internal listener.
	internal bool
	// name is the server name of the handshake; the host of metrics unless written.
	name string
}

const (
	get  = "GET " + query + " HTTP/1.1\r\nHost: {host}\r\n"
	post = "POST /api/v1/push?row={row} HTTP/1.1\r\nHost: {host}\r\n"
	auth = "Authorization: Bearer {good}\r\n"
	end  = "\r\n"

	upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)

// at is a request for a path or a whole first line's target.
func at(target string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: {host}\r\n" + auth + end
}

// credentials are ways of showing one, or two, or somebody else's.
var credentials = map[string]row{
	"none":                           {text: get + end, want: []int{401}},
	"two authorizations":             {text: get + auth + "Authorization: Bearer {foreign}\r\n" + end, want: []int{400, 401}},
	"the same one twice":             {text: get + auth + auth + end, want: []int{400, 401}},
	"Basic with a wrong password":    {text: get + "Authorization: Basic cGF5bWVudHM6c2VhcmNo\r\n" + end, want: []int{401}},
	"Basic that is no base64":        {text: get + "Authorization: Basic !!!!\r\n" + end, want: []int{401}},
	"a scheme that nobody has":       {text: get + "Authorization: Negotiate {good}\r\n" + end, want: []int{401}},
	"a token without a scheme":       {text: get + "Authorization: {good}\r\n" + end, want: []int{401}},
	"a Datadog key for metrics":      {text: get + "DD-API-KEY: {good}\r\n" + end, want: []int{401}},
	"a key in the query for metrics": {text: "GET /prometheus/api/v1/query?query=up&api_key={good} HTTP/1.1\r\nHost: {host}\r\n" + end, want: []int{401}},
	"a token as a cookie":            {text: get + "Cookie: token={good}; __Host-opsgen={good}\r\n" + end, want: []int{401}},
	"a token in the URL's user":      {text: "GET https://x:{good}@{host}/prometheus/api/v1/query HTTP/1.1\r\nHost: {host}\r\n" + end, want: []int{400, 401, 404, 421}},
	"Datadog: two keys":              {text: "GET /api/v1/validate?api_key={foreign} HTTP/1.1\r\nHost: datadog.{domain}\r\nDD-API-KEY: {good}\r\n" + end, want: []int{400, 401, 403}, name: "datadog.{domain}"},
	"a writer that reads":            {text: get + "Authorization: Bearer {writer}\r\n" + end, want: []int{403}},
	"a reader that writes":           {text: post + "Authorization: Bearer {reader}\r\nContent-Length: 1\r\n" + end + "x", want: []int{403}},
	"a reader that deletes rules":    {text: "DELETE /api/v1/rules/x HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {reader}\r\n" + end, want: []int{403}},
	"a writer that sets receivers":   {text: "POST /api/v1/alerts HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {writer}\r\nContent-Length: 1\r\n" + end + "x", want: []int{403}},
	"all scopes but data:delete":     {text: "POST /loki/api/v1/delete?query=x HTTP/1.1\r\nHost: logs.{domain}\r\n" + auth + "Content-Length: 0\r\n" + end, want: []int{403}, name: "logs.{domain}"},
	// People log in, and a token is no person: without a login there is nothing on tenants' hosts, and not for a while only.
	"a token at the other's Grafana": {text: "GET / HTTP/1.1\r\nHost: search.{domain}\r\n" + auth + end, want: []int{404}, name: "search.{domain}"},
	"a token at the own Grafana":     {text: "GET / HTTP/1.1\r\nHost: payments.{domain}\r\n" + auth + end, want: []int{404}, name: "payments.{domain}"},
	"a query at the own host":        {text: "GET " + query + " HTTP/1.1\r\nHost: payments.{domain}\r\n" + auth + end, want: []int{404}, name: "payments.{domain}"},
	"a query at the other's host":    {text: "GET " + query + " HTTP/1.1\r\nHost: search.{domain}\r\n" + auth + end, want: []int{404}, name: "search.{domain}"},
	"a write at the own host":        {text: "POST /api/v1/push HTTP/1.1\r\nHost: payments.{domain}\r\n" + auth + "Content-Length: 1\r\n" + end + "x", want: []int{404}, name: "payments.{domain}"},
	"a tail at the own host":         {text: "GET /loki/api/v1/tail HTTP/1.1\r\nHost: payments.{domain}\r\n" + auth + upgrade + end, want: []int{404}, name: "payments.{domain}"},
	"the login's path at the own":    {text: "GET /-/session?code={good} HTTP/1.1\r\nHost: payments.{domain}\r\n" + auth + end, want: []int{404}, name: "payments.{domain}"},
	"no path of the proxy's own":     {text: "GET /-/config HTTP/1.1\r\nHost: payments.{domain}\r\n" + auth + end, want: []int{404}, name: "payments.{domain}"},
	"a token at the login":           {text: "GET /login?tenant=payments HTTP/1.1\r\nHost: auth.{domain}\r\n" + auth + end, want: []int{404}, name: "auth.{domain}"},
	"nobody at the own Grafana":      {text: "GET /api/datasources HTTP/1.1\r\nHost: payments.{domain}\r\n" + end, want: []int{404}, name: "payments.{domain}"},
	"a tenant's token inside, for another": {
		text: get + auth + "X-Opsgen-Tenant: search\r\n" + end, want: []int{200}, reaches: true, internal: true,
	},
	"a made-up account inside": {text: get + "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n" + end, want: []int{401}, internal: true},
}

// hosts are ways of being somewhere else.
var hosts = map[string]row{
	"no host":                              {text: "GET /prometheus/api/v1/query?query=up HTTP/1.1\r\n" + auth + end, want: []int{400}},
	"two hosts":                            {text: get + "Host: search.{domain}\r\n" + auth + end, want: []int{400}},
	"a host of nobody":                     {text: strings.Replace(get, "{host}", "ghost.{domain}", 1) + auth + end, want: []int{404, 421}},
	"a host outside the domain":            {text: strings.Replace(get, "{host}", "example.org", 1) + auth + end, want: []int{404, 421}},
	"a host that begins like ours":         {text: strings.Replace(get, "{host}", "{host}.attacker.example.org", 1) + auth + end, want: []int{404, 421}},
	"a host within a host":                 {text: strings.Replace(get, "{host}", "payments.metrics.{domain}", 1) + auth + end, want: []int{404, 421}},
	"a host with a user":                   {text: strings.Replace(get, "{host}", "x@{host}", 1) + auth + end, want: []int{400, 404, 421}},
	"a host with a path":                   {text: strings.Replace(get, "{host}", "{host}/x", 1) + auth + end, want: []int{400, 404, 421}},
	"a host with a blank":                  {text: strings.Replace(get, "{host}", "{host} x", 1) + auth + end, want: []int{400, 404, 421}},
	"an address for a host":                {text: strings.Replace(get, "{host}", "127.0.0.1", 1) + auth + end, want: []int{400, 404, 421}},
	"another server name than host":        {text: get + auth + end, want: []int{421}, name: "search.{domain}"},
	"another host than the server name":    {text: "GET / HTTP/1.1\r\nHost: search.{domain}\r\n" + auth + end, want: []int{421}},
	"a whole URL for another host":         {text: "GET https://search.{domain}/ HTTP/1.1\r\nHost: {host}\r\n" + auth + end, want: []int{400, 404, 421}},
	"a whole URL, and another in Host":     {text: "GET https://{host}" + query + " HTTP/1.1\r\nHost: search.{domain}\r\n" + auth + end, want: []int{400, 404, 421}},
	"a whole URL for somebody's server":    {text: "GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nHost: {host}\r\n" + auth + end, want: []int{400, 404, 421}},
	"CONNECT":                              {text: "CONNECT distributor.cortex.svc:8080 HTTP/1.1\r\nHost: {host}\r\n" + auth + end, want: []int{400, 404, 405, 421}},
	"everything":                           {text: "OPTIONS * HTTP/1.1\r\nHost: {host}\r\n" + auth + end, want: []int{200, 400, 404, 405}},
	"TRACE":                                {text: strings.Replace(get, "GET", "TRACE", 1) + auth + end, want: []int{405}},
	"a method that nobody knows":           {text: strings.Replace(get, "GET", "EVIL", 1) + auth + end, want: []int{405}},
	"a method in small letters":            {text: strings.Replace(get, "GET", "get", 1) + auth + end, want: []int{400, 405}},
	"DELETE of a query":                    {text: strings.Replace(get, "GET", "DELETE", 1) + auth + end, want: []int{405}},
	"GET of a push":                        {text: strings.Replace(post, "POST", "GET", 1) + auth + end, want: []int{405}},
	"HTTP/1.0 without a host":              {text: "GET /prometheus/api/v1/query?query=up HTTP/1.0\r\n" + auth + end, want: []int{400, 404, 421}},
	"HTTP/0.9":                             {text: "GET /prometheus/api/v1/query?query=up\r\n", want: []int{400}},
	"HTTP/3.0":                             {text: "GET / HTTP/3.0\r\nHost: {host}\r\n" + end, want: []int{400, 404, 505}},
	"HTTP/2's preface after HTTP/1 agreed": {text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", want: []int{0, 400, 404, 405, 505}},
	"bytes of another protocol":            {text: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", want: []int{400}},
}

// paths are ways around the routing table.
var paths = map[string]row{
	"up and down again":          {text: at("/prometheus/../api/v1/push"), want: []int{400, 404}},
	"up and down again, encoded": {text: at("/prometheus/%2e%2e/api/v1/query"), want: []int{400, 404}},
	"up in the middle":           {text: at("/prometheus/api/v1/../../../config"), want: []int{400, 404}},
	"here":                       {text: at("/prometheus/./api/v1/query"), want: []int{400, 404}},
	"two slashes":                {text: at("/prometheus//api/v1/query"), want: []int{400, 404}},
	"two slashes first":          {text: at("//prometheus/api/v1/query"), want: []int{400, 404}},
	"an encoded slash":           {text: at("/prometheus%2fapi/v1/query"), want: []int{400, 404}},
	"an encoded slash up":        {text: at("/prometheus/api/v1/label/..%2f..%2f..%2fconfig/values"), want: []int{400, 404}},
	"an encoded slash twice":     {text: at("/prometheus%252fapi/v1/query"), want: []int{400, 404}},
	"a backslash":                {text: at(`/prometheus/api\v1\query`), want: []int{400, 404}},
	"an encoded backslash":       {text: at("/prometheus/api%5cv1/query"), want: []int{400, 404}},
	"a parameter in a segment":   {text: at("/prometheus;x=y/api/v1/query"), want: []int{400, 404}},
	"a zero byte":                {text: at("/prometheus/api/v1/query%00"), want: []int{400, 404}},
	"a line break":               {text: at("/prometheus/api/v1/query%0d%0aX-Scope-OrgID:%20search"), want: []int{400, 404}},
	"broken encoding":            {text: at("/prometheus/api/v1/query%zz"), want: []int{400}},
	"a slash at the end":         {text: at("/prometheus/api/v1/query/"), want: []int{404}},
	"other letters' case":        {text: at("/Prometheus/api/v1/query"), want: []int{404}},
	"longer than a route":        {text: at("/prometheus/api/v1/queryX"), want: []int{404}},
	"a route's beginning":        {text: at("/prometheus/api/v1"), want: []int{404}},
	"Cortex' configuration":      {text: at("/config"), want: []int{404}},
	"Cortex' limits":             {text: at("/runtime_config"), want: []int{404}},
	"Cortex' ring":               {text: at("/distributor/ring"), want: []int{404}},
	"Cortex' flush":              {text: at("/ingester/flush"), want: []int{404}},
	"Cortex' shutdown":           {text: at("/ingester/shutdown"), want: []int{404}},
	"Cortex' metrics":            {text: at("/metrics"), want: []int{404}},
	"Cortex' profiles":           {text: at("/debug/pprof/heap"), want: []int{404}},
	"all tenants' statistics":    {text: at("/api/v1/user_stats/all"), want: []int{404}},
	"all rules of all":           {text: at("/ruler/rule_groups"), want: []int{404}},
	"the Alertmanagers of all":   {text: at("/multitenant_alertmanager/configs"), want: []int{404}},
	"deleting a tenant":          {text: at("/purger/delete_tenant"), want: []int{404}},
	"the proxy's own metrics":    {text: at("/-/ready"), want: []int{404}},
	"the proxy's signing keys":   {text: at("/.well-known/jwks.json"), want: []int{404}},
	"federation":                 {text: at("/prometheus/federate"), want: []int{404}},
	"a very long path":           {text: at("/" + strings.Repeat("a", 200_000)), want: []int{400, 404, 414, 431}},
}
