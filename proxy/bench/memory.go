package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// measureMemory prints the proxy's memory idle, with 1,000 connections that have each sent a request, and while sixteen
// clients send bodies that do not end: what is resident, and how much of the heap is alive after a collection. Only the
// second can tell whether anything grows: the collector gives memory back late.
func measureMemory(ctx context.Context, p *place, o options) error {
	o.only = "proxy"
	contenders, _, err := startAll(ctx, p, o)
	defer stopAll(contenders)
	if err != nil {
		return err
	}
	c := contenders[0]
	show := func(what string) error {
		u, err := c.usage()
		if err != nil {
			return err
		}
		alive, err := c.alive(ctx)
		if err == nil {
			fmt.Printf("%-44s %6.1f MB resident %6.1f MB alive\n", what, float64(u.resident)/1e6, alive/1e6)
		}
		return err
	}
	if err := show("at rest"); err != nil {
		return err
	}
	clients := p.clients(c.address, false, 1000)
	defer closeAll(clients)
	for i := range clients {
		if err := p.request(ctx, clients[i], loads()[1]); err != nil {
			return fmt.Errorf("open connection %d: %w", i, err)
		}
	}
	if err := show("with 1,000 connections"); err != nil {
		return err
	}
	return endless(ctx, p, c, show)
}

// alive is what is left of the heap after a collection.
func (c *contender) alive(ctx context.Context) (float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.metrics, "metrics")+"debug/pprof/heap?gc=1", http.NoBody)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0, err
	}
	figures, err := scrape(c.metrics, "go_memstats_heap_alloc_bytes")
	return figures[0], err
}

// endless sends bodies without an end and shows the memory every second.
func endless(ctx context.Context, p *place, c *contender, show func(string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sent := make(chan int64, 16)
	for range cap(sent) {
		go func() {
			body := &stream{ctx: ctx, chunk: p.body}
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+loads()[0].path, body)
			r.Header.Set("Authorization", "Bearer "+p.token)
			if answer, err := p.client(c.address, false).Do(r); err == nil {
				_ = answer.Body.Close()
			}
			sent <- body.sent
		}()
	}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for second := 2; second <= 20; second += 2 {
		<-tick.C
		if err := show(fmt.Sprintf("and 16 endless bodies, after %d s", second)); err != nil {
			return err
		}
	}
	cancel()
	var total int64
	for range cap(sent) {
		total += <-sent
	}
	fmt.Printf("%-44s %6.1f MB\n", "sent in these bodies", float64(total)/1e6)
	return nil
}

// stream is a body that ends only with its context.
type stream struct {
	ctx   context.Context
	chunk []byte
	sent  int64
}

func (s *stream) Read(buffer []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, io.EOF
	}
	n := copy(buffer, s.chunk)
	s.sent += int64(n)
	return n, nil
}
