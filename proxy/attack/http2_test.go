package attack

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is one request of HTTP/2 as header fields, in the order in which they are sent. The words in braces are those of
// row.text.
type frames struct {
	fields  [][2]string
	data    string
	want    []int
	reaches bool
}

// good2 are the fields of a good query, with others put before or behind, or in place of one of the same name.
func good2(changes ...[2]string) [][2]string {
	fields := [][2]string{
		{":method", "GET"},
		{":scheme", "https"},
		{":authority", "{host}"},
		{":path", query},
		{"authorization", "Bearer {good}"},
	}
	for _, change := range changes {
		i := slices.IndexFunc(fields, func(field [2]string) bool { return field[0] == change[0] })
		if i >= 0 {
			fields[i] = change
		} else {
			fields = append(fields, change)
		}
	}
	return fields
}

// requests2 are tricks that only HTTP/2 has. 0 is a stream or a connection that was ended without an answer.
var requests2 = map[string]frames{
	"nothing wrong":                  {fields: good2(), want: []int{200}, reaches: true},
	"a host beside the authority":    {fields: good2([2]string{"host", "search.{domain}"}), want: []int{200, 400, 421, 0}, reaches: true},
	"a host in place of authority":   {fields: slices.Delete(good2([2]string{"host", "search.{domain}"}), 2, 3), want: []int{400, 421, 0}},
	"no authority":                   {fields: slices.Delete(good2(), 2, 3), want: []int{400, 421, 0}},
	"another authority":              {fields: good2([2]string{":authority", "search.{domain}"}), want: []int{421, 0}},
	"an authority with a user":       {fields: good2([2]string{":authority", "x@{host}"}), want: []int{400, 421, 0}},
	"two paths":                      {fields: append(good2(), [2]string{":path", "/config"}), want: []int{400, 0}},
	"two paths, both first":          {fields: append([][2]string{{":path", "/config"}}, good2()...), want: []int{400, 0}},
	"no path":                        {fields: slices.Delete(good2(), 3, 4), want: []int{400, 0}},
	"an empty path":                  {fields: good2([2]string{":path", ""}), want: []int{400, 404, 0}},
	"a path without a slash":         {fields: good2([2]string{":path", "config"}), want: []int{400, 404, 0}},
	"a path that is a URL":           {fields: good2([2]string{":path", "http://search.{domain}/config"}), want: []int{400, 404, 421, 0}},
	"a path with a request in it":    {fields: good2([2]string{":path", "/config HTTP/1.1\r\nX-Scope-OrgID: search\r\n\r\n"}), want: []int{400, 404, 0}},
	"a method with a line break":     {fields: good2([2]string{":method", "GET /config HTTP/1.1\r\nx: y"}), want: []int{400, 405, 0}},
	"a scheme of nobody":             {fields: good2([2]string{":scheme", "gopher"}), want: []int{200, 400, 0}, reaches: true},
	"a pseudo header of its own":     {fields: good2([2]string{":tenant", "search"}), want: []int{400, 0}},
	"a value with a line break":      {fields: good2([2]string{"x-test", "a\r\nx-scope-orgid: search"}), want: []int{400, 0}},
	"a name in capitals":             {fields: good2([2]string{"X-Scope-OrgID", "search"}), want: []int{400, 0}},
	"a name with a colon":            {fields: good2([2]string{"x-scope-orgid: search", "x"}), want: []int{400, 0}},
	"another tenant":                 {fields: good2([2]string{"x-scope-orgid", "search"}), want: []int{200}, reaches: true},
	"another tenant with underscore": {fields: good2([2]string{"x_scope_orgid", "search"}), want: []int{200}, reaches: true},
	"a connection header":            {fields: good2([2]string{"connection", "x-scope-orgid"}), want: []int{200, 400, 0}, reaches: true},
	"chunks":                         {fields: good2([2]string{"transfer-encoding", "chunked"}), want: []int{200, 400, 0}, reaches: true},
	"te that is not trailers":        {fields: good2([2]string{"te", "gzip"}), want: []int{200, 400, 0}, reaches: true},
	"an extended CONNECT":            {fields: good2([2]string{":method", "CONNECT"}, [2]string{":protocol", "websocket"}), want: []int{400, 404, 405, 501, 0}},
	"a body longer than it says": {
		fields: good2([2]string{":method", "POST"}, [2]string{":path", "/api/v1/push?row={row}"}, [2]string{"content-length", "1"}),
		data:   "more than one", want: []int{400, 502, 499, 0}, reaches: true,
	},
	"a body shorter than it says": {
		fields: good2([2]string{":method", "POST"}, [2]string{":path", "/api/v1/push?row={row}"}, [2]string{"content-length", "100"}),
		data:   "short", want: []int{400, 502, 499, 0}, reaches: true,
	},
}

func TestRequestsOfHTTP2(t *testing.T) {
	b := start(t)
	for name, request := range requests2 {
		t.Run(name, func(t *testing.T) {
			answer := b.frames(t, request)
			b.judge(t, answer, request.want, request.reaches)
		})
	}
}

// frames sends one request and reads until its stream has a status or an end.
func (b *bed) frames(t *testing.T, request frames) outcome {
	t.Helper()
	number := b.begin()
	conn := b.dial(t, b.proxy.PublicAddress, metricsHost, "h2")
	defer func() { _ = conn.Close() }()
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		t.Fatal("the proxy does not speak HTTP/2")
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range request.fields {
		if err := encoder.WriteField(hpack.HeaderField{Name: b.fill(field[0], number), Value: b.fill(field[1], number)}); err != nil {
			t.Fatal(err)
		}
	}
	// What a write returns says nothing: the proxy may have closed the connection already, and that is an answer too.
	_, _ = io.WriteString(conn, http2.ClientPreface)
	framer := http2.NewFramer(conn, conn)
	framer.AllowIllegalWrites = true
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: request.data == ""})
	if request.data != "" {
		_ = framer.WriteData(1, true, []byte(request.data))
	}
	return outcome{status: status2(t, conn, framer), row: number}
}

// status2 is the status of stream 1, or 0 when stream or connection ended without one.
func status2(t *testing.T, conn *tls.Conn, framer *http2.Framer) int {
	t.Helper()
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		frame, err := framer.ReadFrame()
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			code, err := strconv.Atoi(frame.PseudoValue("status"))
			if err != nil {
				t.Fatal(err)
			}
			return code
		case *http2.RSTStreamFrame, *http2.GoAwayFrame:
			return 0
		}
		if err == nil {
			continue
		}
		if timeout := (interface{ Timeout() bool })(nil); errors.As(err, &timeout) && timeout.Timeout() {
			t.Fatal("no answer within 20 s")
		}
		if errors.Is(err, io.EOF) || strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "closed") {
			return 0
		}
		t.Fatalf("read a frame: %v", err)
	}
}
