package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	proxy       string
	rounds      int
	duration    time.Duration
	connections int
	only        string
	loads       string
	memory      bool
	profiles    string
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == bareCommand {
		exit(serveBare(os.Args[2:]))
	}
	var o options
	flag.StringVar(&o.proxy, "proxy", "bin/proxy", "the proxy's binary; several builds of it, separated by commas, are compared")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds in which every contender runs every load once")
	flag.DurationVar(&o.duration, "duration", 4*time.Second, "how long each run is measured, after a second to warm up")
	flag.IntVar(&o.connections, "connections", 64, "client connections, each with one request at a time")
	flag.StringVar(&o.only, "only", "", "contenders to run, separated by commas (default: all)")
	flag.StringVar(&o.loads, "loads", "", "loads to run, by a part of their name, such as GET or HTTP/2 (default: all)")
	flag.BoolVar(&o.memory, "memory", false, "measure the proxy's memory with 1,000 connections and an endless body instead")
	flag.StringVar(&o.profiles, "profiles", "", "folder for profiles of what is written in Go; taking them costs time of its own")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit(run(ctx, o))
}

func exit(err error) {
	if err == nil {
		os.Exit(0)
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

// run starts the upstream and the contenders, measures, and prints the tables.
func run(ctx context.Context, o options) error {
	place, err := newPlace()
	if err != nil {
		return err
	}
	defer place.close()
	if o.memory {
		return measureMemory(ctx, place, o)
	}
	contenders, missing, err := startAll(ctx, place, o)
	defer stopAll(contenders)
	if err != nil {
		return err
	}
	results, err := measureAll(ctx, place, contenders, o)
	if err != nil {
		return err
	}
	printTables(results, contenders)
	if len(missing) > 0 {
		fmt.Printf("\nnot installed, so not compared: %s\n", strings.Join(missing, ", "))
	}
	return nil
}

// result is one contender under one load, a figure a round.
type result struct {
	load      load
	contender string
	rounds    []figures
}

func measureAll(ctx context.Context, p *place, contenders []*contender, o options) ([]*result, error) {
	var results []*result
	for _, l := range loads() {
		if !strings.Contains(l.String(), o.loads) {
			continue
		}
		for _, c := range contenders {
			results = append(results, &result{load: l, contender: c.name})
		}
	}
	for round := range o.rounds {
		order := slices.Clone(results)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, r := range order {
			c := contenders[slices.IndexFunc(contenders, func(c *contender) bool { return c.name == r.contender })]
			fmt.Fprintf(os.Stderr, "round %d/%d  %-22s %s\n", round+1, o.rounds, r.load, c.name)
			f, err := measure(ctx, p, c, r.load, o)
			if err != nil {
				return nil, fmt.Errorf("measure %s under %s: %w", c.name, r.load, err)
			}
			r.rounds = append(r.rounds, f)
		}
	}
	return results, nil
}
