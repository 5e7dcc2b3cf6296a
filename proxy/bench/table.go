package main

import (
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// baseline is the contender that all others are compared with.
const baseline = "reverseproxy"

// printTables prints a table a load: medians over the rounds, and the ratio to the baseline of the same round.
func printTables(results []*result, contenders []*contender) {
	for _, l := range loads() {
		if find(results, l, contenders[0].name) == nil {
			continue
		}
		fmt.Printf("\n%s\n", l)
		w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(w, "proxy\trequests\tCPU µs/request\tratio (min–max)\tp50 ms\tp99 ms\tRSS MB\tallocations, kB/request")
		base := find(results, l, baseline)
		for _, c := range contenders {
			if r := find(results, l, c.name); r != nil {
				_, _ = fmt.Fprintln(w, row(r, base))
			}
		}
		_ = w.Flush()
	}
}

func find(results []*result, l load, name string) *result {
	for _, r := range results {
		if r.load == l && r.contender == name {
			return r
		}
	}
	return nil
}

func row(r, base *result) string {
	requests := 0
	for _, f := range r.rounds {
		requests += f.requests
	}
	ratio := "-"
	if base != nil {
		ratios := make([]float64, len(r.rounds))
		for i, f := range r.rounds {
			ratios[i] = float64(f.cpu) / float64(base.rounds[i].cpu)
		}
		ratio = fmt.Sprintf("%.2f (%.2f–%.2f)", middle(ratios), slices.Min(ratios), slices.Max(ratios))
	}
	of := func(value func(figures) float64) float64 {
		values := make([]float64, len(r.rounds))
		for i, f := range r.rounds {
			values[i] = value(f)
		}
		return middle(values)
	}
	heap := "-"
	if objects := of(func(f figures) float64 { return f.allocations }); objects > 0 {
		heap = fmt.Sprintf("%.0f, %.1f", objects, of(func(f figures) float64 { return f.allocated })/1000)
	}
	return fmt.Sprintf("%s\t%d\t%.0f\t%s\t%.1f\t%.1f\t%.0f\t%s", r.contender, requests,
		of(func(f figures) float64 { return float64(f.cpu) / float64(time.Microsecond) }), ratio,
		of(func(f figures) float64 { return f.p50.Seconds() * 1000 }), of(func(f figures) float64 { return f.p99.Seconds() * 1000 }),
		of(func(f figures) float64 { return float64(f.resident) / 1e6 }), heap)
}

// middle is the median.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
