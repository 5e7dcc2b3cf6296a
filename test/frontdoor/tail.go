package frontdoor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/net/websocket"
)

// A Tail is a query of logs that goes on: lines come as they are written.
type Tail struct {
	connection *websocket.Conn
}

// Tail begins to follow a stream, from now on.
func (d *Door) Tail(ctx context.Context, token, query string) (*Tail, error) {
	host := "logs." + d.Domain
	form := url.Values{"query": {query}, "start": {strconv.FormatInt(time.Now().UnixNano(), 10)}}
	config, err := websocket.NewConfig("wss://"+host+"/loki/api/v1/tail?"+form.Encode(), "https://"+host)
	if err != nil {
		return nil, fmt.Errorf("tailing: %w", err)
	}
	config.Header = http.Header{"Authorization": {"Bearer " + token}}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: d.Authorities, ServerName: host, MinVersion: tls.VersionTLS12}}
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(d.Address, "443"))
	if err != nil {
		return nil, fmt.Errorf("tailing: %w", err)
	}
	socket, err := websocket.NewClient(config, connection)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("tailing: %w", err), connection.Close())
	}
	return &Tail{socket}, nil
}

// Next waits for lines until the time is over. The error is io.EOF when the tail was ended properly, and net.Error's
// Timeout when no line came.
func (t *Tail) Next(until time.Time) ([]Line, error) {
	if err := t.connection.SetReadDeadline(until); err != nil {
		return nil, fmt.Errorf("tailing: %w", err)
	}
	var message struct {
		Streams []struct{ Values [][2]string }
	}
	if err := websocket.JSON.Receive(t.connection, &message); errors.Is(err, io.EOF) {
		return nil, io.EOF
	} else if err != nil {
		return nil, fmt.Errorf("tailing: %w", err)
	}
	var lines []Line
	for _, stream := range message.Streams {
		for _, value := range stream.Values {
			nanoseconds, err := strconv.ParseInt(value[0], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("tailing: %w", err)
			}
			lines = append(lines, Line{time.Unix(0, nanoseconds), value[1]})
		}
	}
	return lines, nil
}

// Close ends the tail.
func (t *Tail) Close() error { return t.connection.Close() }
