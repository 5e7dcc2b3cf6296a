package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// load is one kind of request over one protocol.
type load struct {
	method string
	path   string
	http2  bool
}

// String is "POST 50 kB, HTTP/1.1".
func (l load) String() string {
	what, protocol := "GET 2 kB", "HTTP/1.1"
	if l.method == http.MethodPost {
		what = "POST 50 kB"
	}
	if l.http2 {
		protocol = "HTTP/2"
	}
	return what + ", " + protocol
}

// loads are what a tenant does all day: remote write, and queries of a dashboard.
func loads() []load {
	const push, query = "/api/v1/push", "/prometheus/api/v1/query?query=up"
	return []load{
		{http.MethodPost, push, false},
		{http.MethodGet, query, false},
		{http.MethodPost, push, true},
		{http.MethodGet, query, true},
	}
}

// figures are what one run gave.
type figures struct {
	requests int
	// cpu is processor time a request.
	cpu time.Duration
	// p50 and p99 are from sending the request to the end of the answer.
	p50, p99 time.Duration
	// resident is the process's memory at the end, in bytes.
	resident int64
	// allocations and allocated are objects and bytes a request; zero for what is not Go.
	allocations, allocated float64
}

// measure runs one load against one contender.
func measure(ctx context.Context, p *place, c *contender, l load, o options) (figures, error) {
	clients := p.clients(c.address, l.http2, o.connections)
	defer closeAll(clients)
	if _, err := drive(ctx, p, clients, l, time.Second); err != nil {
		return figures{}, fmt.Errorf("warm up: %w", err)
	}
	before, err := c.usage()
	if err != nil {
		return figures{}, err
	}
	profiled := c.profile(ctx, l, o)
	latencies, err := drive(ctx, p, clients, l, o.duration)
	if err != nil {
		return figures{}, err
	}
	after, err := c.usage()
	if err != nil {
		return figures{}, err
	}
	if err := <-profiled; err != nil {
		return figures{}, fmt.Errorf("take a profile: %w", err)
	}
	slices.Sort(latencies)
	n := len(latencies)
	if n == 0 {
		return figures{}, fmt.Errorf("no request ended in %s", o.duration)
	}
	return figures{
		requests: n, cpu: (after.cpu - before.cpu) / time.Duration(n),
		p50: latencies[n/2], p99: latencies[n*99/100], resident: after.resident,
		allocations: (after.mallocs - before.mallocs) / float64(n), allocated: (after.allocated - before.allocated) / float64(n),
	}, nil
}

// drive sends requests for a time, one after the other on each connection, and returns how long each took.
func drive(ctx context.Context, p *place, clients []*http.Client, l load, duration time.Duration) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	deadline := time.Now().Add(duration)
	all := make([][]time.Duration, len(clients))
	failures := make(chan error, len(clients))
	var wait sync.WaitGroup
	for i, client := range clients {
		wait.Go(func() {
			for time.Now().Before(deadline) {
				start := time.Now()
				if err := p.request(ctx, client, l); err != nil {
					failures <- err
					cancel()
					return
				}
				all[i] = append(all[i], time.Since(start))
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failures:
		return nil, err
	default:
		return slices.Concat(all...), nil
	}
}

// request sends one request and reads its answer to the end.
func (p *place) request(ctx context.Context, client *http.Client, l load) error {
	var body io.Reader
	if l.method == http.MethodPost {
		body = bytes.NewReader(p.body)
	}
	r, err := http.NewRequestWithContext(ctx, l.method, "https://"+host+l.path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/x-protobuf")
		r.Header.Set("Content-Encoding", "snappy")
	}
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("answered %s", answer.Status)
	}
	return nil
}

// client is a client with one connection to an address, whatever the host in a URL says.
func (p *place) client(address string, http2 bool) *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		},
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: p.authority, ServerName: host},
		Protocols:          &protocols,
		MaxConnsPerHost:    1,
		DisableCompression: true,
	}}
}

func (p *place) clients(address string, http2 bool, count int) []*http.Client {
	clients := make([]*http.Client, count)
	for i := range clients {
		clients[i] = p.client(address, http2)
	}
	return clients
}

func closeAll(clients []*http.Client) {
	for _, client := range clients {
		client.CloseIdleConnections()
	}
}
