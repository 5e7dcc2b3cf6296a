package fleet

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// linear complains about what grows faster than the number of tenants. The first row has none of them, so that what is there
// anyway is taken off. A quarter of the tenants must cost at least an eighth: twice as bad as a line, and half as bad as a
// square. Wall time is not judged.
func linear(rows []row) error {
	var problems []error
	for name, cost := range map[string]func(row) float64{
		"objects":                              func(r row) float64 { return float64(r.objects) },
		"processor time of a render":           func(r row) float64 { return r.render.Seconds() },
		"memory of a render":                   func(r row) float64 { return float64(r.renderMemory) },
		"reconciliations":                      func(r row) float64 { return float64(r.reconciled) },
		"Flux' processor time for one pass":    func(r row) float64 { return r.pass.Seconds() },
		"the API server's for it":              func(r row) float64 { return r.served.Seconds() },
		"memory of kustomize-controller":       func(r row) float64 { return float64(r.kustomizePeak) },
		"memory of the API server":             func(r row) float64 { return float64(r.server) },
		"objects written for a changed tenant": func(r row) float64 { return float64(len(r.written)) },
	} {
		for _, small := range rows {
			for _, large := range rows {
				if small.tenants == 0 || large.tenants != 4*small.tenants {
					continue
				}
				from, to := cost(small)-cost(rows[0]), cost(large)-cost(rows[0])
				if to > 8*max(from, cost(rows[0])/10) {
					problems = append(problems, fmt.Errorf("%s: %d more for %d tenants, %d more for %d",
						name, int64(from), small.tenants, int64(to), large.tenants))
				}
			}
		}
	}
	return errors.Join(problems...)
}

// independent complains when what is written for one changed tenant depends on how many there are.
func independent(rows []row) error {
	for _, r := range rows[1:] {
		if !slices.Equal(r.written, rows[0].written) {
			return fmt.Errorf("a changed tenant among %d more: %v was written, and without them %v", r.tenants, r.written, rows[0].written)
		}
	}
	return nil
}

// table is what a person reads, and docs/performance.md has.
func table(rows []row) string {
	var text bytes.Buffer
	fmt.Fprintln(&text, "| tenants | objects | units | full render, CPU | all there | one changed: written | reconciliations | "+
		"it is there | all at its release | Flux' CPU | API server's CPU | kustomize-controller (peak) | source-controller | API server |")
	fmt.Fprintln(&text, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, r := range rows {
		fmt.Fprintf(&text, "| 3 + %d | %d | %d | %.1f s | %.0f s | %d | %d | %.0f s | %.0f s | %.1f s | %.1f s | %d (%d) MiB | %d MiB | %d MiB |\n",
			r.tenants, r.objects, r.units, r.render.Seconds(), r.come.Seconds(), len(r.written), r.reconciled, r.one.Seconds(),
			r.all.Seconds(), r.pass.Seconds(), r.served.Seconds(), r.kustomize/mebi, r.kustomizePeak/mebi, r.source/mebi, r.server/mebi)
	}
	return text.String()
}
