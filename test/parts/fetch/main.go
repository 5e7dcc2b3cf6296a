// Fetch prints what a URL answers, for pods of tests: Debian's static busybox crashes when it looks up a name.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

func main() {
	limit := flag.Duration("timeout", 5*time.Second, "how long the whole call may take")
	flag.Parse()
	if err := run(*limit, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

func run(limit time.Duration, arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("usage: fetch [-timeout 5s] URL")
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, arguments[0], http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
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
