// Fetch prints what a URL answers, for pods of tests: Debian's static busybox crashes when it looks up a name. With -serve
// it is the other side, and prints what it is told.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

func main() {
	var o options
	flag.DurationVar(&o.limit, "timeout", 5*time.Second, "how long the whole call may take")
	flag.StringVar(&o.token, "token", "", "file with a token to call with")
	flag.StringVar(&o.tenant, "tenant", "", "X-Scope-OrgID to call with")
	serve := flag.String("serve", "", "address to serve at (\":8080\"): each request becomes a line: method, path, Authorization, body")
	flag.Parse()
	if *serve != "" {
		fmt.Fprintln(os.Stderr, "fetch:", listen(*serve))
		os.Exit(1)
	}
	if err := run(o, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

type options struct {
	limit         time.Duration
	token, tenant string
}

func run(o options, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("usage: fetch [-timeout 5s] [-token FILE] [-tenant NAME] URL")
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, arguments[0], http.NoBody)
	if err != nil {
		return err
	}
	if o.token != "" {
		token, err := os.ReadFile(o.token)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	if o.tenant != "" {
		request.Header.Set("X-Scope-OrgID", o.tenant)
	}
	// So that the error says whether it was the connection that was not had.
	dialer := net.Dialer{Timeout: o.limit / 2}
	client := http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return errors.New(response.Status)
	}
	return nil
}

// listen serves until the program is ended.
func listen(address string) error {
	var mutex sync.Mutex
	server := &http.Server{Addr: address, ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		if err != nil {
			return
		}
		mutex.Lock()
		defer mutex.Unlock()
		fmt.Printf("%s %s %q %s\n", r.Method, r.URL.Path, r.Header.Get("Authorization"), strings.ReplaceAll(string(body), "\n", " "))
	})}
	return server.ListenAndServe()
}
