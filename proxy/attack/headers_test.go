package attack

import (
	"fmt"
	"strings"
	"testing"
)

// headers are ways of saying who one is, or of changing what the proxy says.
var headers = map[string]row{
	"another tenant":                  {text: get + auth + "X-Scope-OrgID: search\r\n" + end, want: []int{200}, reaches: true},
	"another tenant in small letters": {text: get + auth + "x-scope-orgid: search\r\n" + end, want: []int{200}, reaches: true},
	"another tenant with underscores": {text: get + auth + "X_Scope_OrgID: search\r\n" + end, want: []int{200}, reaches: true},
	"another tenant, mixed":           {text: get + auth + "X-Scope_OrgID: search\r\nx_scope-orgID: search\r\n" + end, want: []int{200}, reaches: true},
	"two tenants by one header":       {text: get + auth + "X-Scope-OrgID: payments|search\r\n" + end, want: []int{200}, reaches: true},
	"two tenants by two headers":      {text: get + auth + "X-Scope-OrgID: payments\r\nX-Scope-OrgID: search\r\n" + end, want: []int{200}, reaches: true},
	"the platform's header":           {text: get + auth + "X-Opsgen-Tenant: search\r\n" + end, want: []int{200}, reaches: true},
	"our header named as hop-by-hop":  {text: get + auth + "Connection: X-Scope-OrgID, close\r\n" + end, want: []int{200}, reaches: true},
	"a token for Grafana":             {text: get + auth + "X-JWT-Assertion: x.y.z\r\n" + end, want: []int{200}, reaches: true},
	"an address that is trusted":      {text: get + auth + "X-Forwarded-For: 10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\nForwarded: for=10.0.0.1\r\n" + end, want: []int{200}, reaches: true},
	"another scheme and host":         {text: get + auth + "X-Forwarded-Host: search.x\r\nX-Forwarded-Proto: http\r\nX-Original-URL: /config\r\nX-Rewrite-URL: /config\r\n" + end, want: []int{200}, reaches: true},
	"another method":                  {text: get + auth + "X-HTTP-Method-Override: DELETE\r\n" + end, want: []int{200}, reaches: true},
	"an upgrade where there is none":  {text: get + auth + upgrade + end, want: []int{200, 400, 426}, reaches: true},
	"an upgrade to HTTP/2 in the clear": {
		text: get + auth + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" + end, want: []int{200, 400}, reaches: true,
	},
	"a tail without an upgrade":   {text: "GET /loki/api/v1/tail?query=x HTTP/1.1\r\nHost: logs.{domain}\r\n" + auth + end, want: []int{400, 426}, name: "logs.{domain}"},
	"a header with a zero byte":   {text: get + auth + "X-Test: a\x00b\r\n" + end, want: []int{400}},
	"a name with a blank":         {text: get + auth + "X-Scope-OrgID : search\r\n" + end, want: []int{400}},
	"a name with a colon first":   {text: get + auth + ":authority: search\r\n" + end, want: []int{400}},
	"a folded header":             {text: get + auth + "X-Test: a\r\n X-Scope-OrgID: search\r\n" + end, want: []int{200, 400}, reaches: true},
	"a bare carriage return":      {text: get + auth + "X-Test: a\rX-Scope-OrgID: search\r\n" + end, want: []int{400}},
	"a header without a colon":    {text: get + auth + "X-Scope-OrgID search\r\n" + end, want: []int{400}},
	"a header of 200 kB":          {text: get + auth + "X-Test: " + strings.Repeat("a", 200_000) + "\r\n" + end, want: []int{0, 400, 431}},
	"ten thousand headers":        {text: get + auth + many(10_000) + end, want: []int{0, 400, 431}},
	"trace context that is wrong": {text: get + auth + "traceparent: 00-zzzz-1-01\r\ntracestate: " + strings.Repeat("x", 2000) + "\r\n" + end, want: []int{200}, reaches: true},
}

// bodies are requests of which two readers could see two different ends, and bodies that lie about themselves.
var bodies = map[string]row{
	"a length and chunks":           {text: post + auth + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\n", want: []int{400, 204, 200}, reaches: true},
	"chunks by another name":        {text: post + auth + "Transfer-Encoding: xchunked\r\n" + end + "0\r\n\r\n", want: []int{400, 501}},
	"chunks, and identity":          {text: post + auth + "Transfer-Encoding: chunked, identity\r\n" + end + "0\r\n\r\n", want: []int{400, 501}},
	"chunks twice":                  {text: post + auth + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\n", want: []int{400, 501}},
	"chunks with a blank":           {text: post + auth + "Transfer-Encoding : chunked\r\n" + end + "0\r\n\r\n", want: []int{400}},
	"chunks with a tab":             {text: post + auth + "Transfer-Encoding:\vchunked\r\n" + end + "0\r\n\r\n", want: []int{400, 501}},
	"two lengths":                   {text: post + auth + "Content-Length: 1\r\nContent-Length: 2\r\n" + end + "xy", want: []int{400}},
	"two lengths in one":            {text: post + auth + "Content-Length: 1, 2\r\n" + end + "xy", want: []int{400}},
	"a length below zero":           {text: post + auth + "Content-Length: -1\r\n" + end, want: []int{400}},
	"a length with a sign":          {text: post + auth + "Content-Length: +1\r\n" + end + "x", want: []int{400}},
	"a length in another base":      {text: post + auth + "Content-Length: 0x1\r\n" + end + "x", want: []int{400}},
	"a length beyond all":           {text: post + auth + "Content-Length: 99999999999999999999\r\n" + end, want: []int{400}},
	"a length over the limit":       {text: post + auth + "Content-Length: 10000000000\r\n" + end, want: []int{413}},
	"a chunk below zero":            {text: post + auth + "Transfer-Encoding: chunked\r\n" + end + "-1\r\nx\r\n0\r\n\r\n", want: []int{400, 499, 502, 0}, reaches: true},
	"a chunk beyond all":            {text: post + auth + "Transfer-Encoding: chunked\r\n" + end + "fffffffffffffffff\r\nx\r\n0\r\n\r\n", want: []int{400, 502, 0}, reaches: true},
	"a trailer that names a tenant": {text: post + auth + "Transfer-Encoding: chunked\r\nTrailer: X-Scope-OrgID\r\n" + end + "1\r\nx\r\n0\r\nX-Scope-OrgID: search\r\n\r\n", want: []int{200, 204, 400}, reaches: true},
	"a request within a body": {
		text:    post + auth + "Content-Length: 68\r\n" + end + "GET /config HTTP/1.1\r\nHost: x\r\nX-Scope-OrgID: search\r\nX-Padding: 12\r\n\r\n",
		want:    []int{200, 204},
		reaches: true,
	},
	"a body before who one is":  {text: post + "Expect: 100-continue\r\nContent-Length: 1000000\r\n" + end, want: []int{401}},
	"an expectation of wonders": {text: post + auth + "Expect: 200-ok\r\nContent-Length: 1\r\n" + end + "x", want: []int{417}},
	"a body for a query":        {text: strings.TrimSuffix(get, "") + auth + "Content-Length: 5\r\n" + end + "hello", want: []int{200, 400}, reaches: true},
}

func many(count int) string {
	var b strings.Builder
	for i := range count {
		fmt.Fprintf(&b, "X-%d: a\r\n", i)
	}
	return b.String()
}

func TestRequests(t *testing.T) {
	b := start(t)
	for kind, table := range map[string]map[string]row{"credentials": credentials, "hosts": hosts, "paths": paths, "headers": headers, "bodies": bodies} {
		for name, row := range table {
			t.Run(kind+"/"+name, func(t *testing.T) { b.run(t, row) })
		}
	}
}
