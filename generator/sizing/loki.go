package sizing

import (
	"fmt"
	"time"
)

// row is one row of Loki's table of sizes: what a workload needs for a volume of lines a day.
type row struct {
	// volume is in bytes a day.
	volume float64
	// pods is the number of replicas in all; cpu (cores) and memory (bytes) are each one's request.
	pods, cpu, memory float64
}

// table is Loki's table for one workload: three volumes, in rising order.
type table [3]row

// rows takes pods, CPU and GiB for each of the three volumes of Loki's page "Size the cluster" (Loki v3.7.8,
// docs/sources/setup/size/_index.md: requests at the 90th percentile, microservices). The tiers are "less than 3 TB/day",
// "3-30 TB/day" and "~1 PB a month"; we read them as the needs at 3, 30 and 33 TB a day, draw straight lines between
// them and from nothing to the first, and go on in proportion after the last.
func rows(small, medium, large [3]float64) table {
	var t table
	for i, volume := range []float64{3 * tB, 30 * tB, 33 * tB} {
		figures := [][3]float64{small, medium, large}[i]
		t[i] = row{volume: volume, pods: figures[0], cpu: figures[1], memory: figures[2] * giB}
	}
	return t
}

// pods is the number of replicas for a volume; it may be a fraction.
func (t table) pods(volume float64) float64 {
	switch {
	case volume <= t[0].volume:
		return t[0].pods * volume / t[0].volume
	case volume >= t[2].volume:
		return t[2].pods * volume / t[2].volume
	}
	i := 0
	if volume > t[1].volume {
		i = 1
	}
	return between(volume, t[i].volume, t[i+1].volume, t[i].pods, t[i+1].pods)
}

// each is what one replica needs. share is how much of a first-tier replica's load it has, for the smallest volumes.
func (t table) each(volume, share float64) (cpu, memory float64) {
	switch {
	case volume <= t[0].volume:
		return 0.1 + min(1, share)*(t[0].cpu-0.1), min(1, share) * t[0].memory
	case volume >= t[2].volume:
		return t[2].cpu, t[2].memory
	}
	i := 0
	if volume > t[1].volume {
		i = 1
	}
	a, b := t[i], t[i+1]
	return between(volume, a.volume, b.volume, a.cpu, b.cpu), between(volume, a.volume, b.volume, a.memory, b.memory)
}

func between(x, x0, x1, y0, y1 float64) float64 { return y0 + (y1-y0)*(x-x0)/(x1-x0) }

// lokiNeeds are Loki's workloads.
func lokiNeeds(in load) map[string]need {
	if in.single {
		return map[string]need{"loki": lokiSingle(in)}
	}
	queriers := rows([3]float64{10, 1, 1}, [3]float64{100, 1.5, 2}, [3]float64{250, 1.5, 3})
	needs := map[string]need{
		"ingester":        lokiIngester(in),
		"distributor":     in.fromTable(rows([3]float64{4, 2, 0.5}, [3]float64{40, 2, 1}, [3]float64{100, 2, 1}), in.several(3), 256*miB),
		"querier":         lokiQuerier(in, queriers),
		"query-frontend":  in.fromTable(rows([3]float64{2, 1, 2}, [3]float64{8, 1, 2}, [3]float64{16, 1, 4}), in.several(2), 512*miB),
		"query-scheduler": in.fromTable(rows([3]float64{2, 1, 0.5}, [3]float64{2, 1, 0.5}, [3]float64{2, 2, 0.5}), in.several(2), 128*miB),
		"index-gateway":   in.fromTable(rows([3]float64{4, 0.5, 2}, [3]float64{10, 0.5, 4}, [3]float64{20, 1, 4}), in.several(2), 512*miB),
		"compactor":       lokiCompactor(in),
		"ruler":           lokiRuler(in, queriers),
		"chunks-cache": cache(in, max(256*mB, 0.01*in.lines), 8*giB,
			fmt.Sprintf("1 %% of %s a day", size(in.lines))),
		"results-cache": cache(in, 128*mB+0.001*in.lines+25*mB*in.logQueries, 2*giB,
			fmt.Sprintf("128 MB + 0.1 %% of %s a day + %s queries/s × 25 MB", size(in.lines), digits(in.logQueries))),
	}
	front := needs["query-frontend"]
	front.memory += months(in.logReach) * 128 * miB
	needs["query-frontend"] = front
	index := needs["index-gateway"]
	index.storage = in.indexBytes() * 2
	index.why += fmt.Sprintf("; disk: twice the index of %s (0.05 %% of the lines)", span(min(in.logReach, in.logRetention)))
	needs["index-gateway"] = index
	return needs
}

// fromTable sizes a workload by Loki's table, with at least so many pods and so much memory each.
func (in load) fromTable(t table, least int, floor float64) need {
	want := t.pods(in.lines)
	pods := max(least, podsFor(want, 1))
	cpu, memory := t.each(in.lines, want/float64(least))
	return need{
		pods: pods, cpu: cpu, memory: max(floor, memory*limitOverRequest),
		why: fmt.Sprintf("Loki's table: %s at %s a day, at least %d; its memory × %s", digits(want), size(in.lines), least, digits(limitOverRequest)),
	}
}

// lokiIngester sizes one zone: a copy of all lines. Loki's table is taken to mean three copies.
func lokiIngester(in load) need {
	t := rows([3]float64{6, 2, 4}, [3]float64{90, 2, 6}, [3]float64{150, 4, 8})
	want := t.pods(in.lines) / 3
	pods := max(1, podsFor(want, 1))
	cpu, memory := t.each(in.lines, want)
	// In the first tier an ingester takes the most lines a day: 3 TB × 3 copies over 6 of them.
	perSecond := min(in.lines, t[0].volume*3/t[0].pods) / day.Seconds()
	return need{
		pods: pods, zonal: true, cpu: cpu, memory: max(512*miB, memory*limitOverRequest),
		storage: perSecond * walSeconds / walUse,
		why: fmt.Sprintf("Loki's table: %s a zone at %s a day, at least 1; its memory × %s; disk: %s of write-ahead log at %s/s",
			digits(want), size(in.lines), digits(limitOverRequest), span(walSeconds*time.Second), size(perSecond)),
	}
}

// lokiQuerier gives more memory than the table, which warns that single queries need ten times as much.
func lokiQuerier(in load, t table) need {
	n := in.fromTable(t, in.several(3), giB)
	n.pods = max(n.pods, podsFor(in.logQueries*in.spareFactor(), logQueriesPerQuerier))
	n.memory += giB
	n.why += fmt.Sprintf(" + 1 GiB; at least one for every %s queries/s", digits(logQueriesPerQuerier))
	return n
}

func lokiRuler(in load, queriers table) need {
	for i := range queriers {
		queriers[i].pods /= 10
	}
	n := in.fromTable(queriers, in.several(2), 512*miB)
	n.why = fmt.Sprintf("a tenth of the queriers of Loki's table at %s a day", size(in.lines))
	return n
}

// lokiCompactor is one pod whatever the volume: two would overwrite each other's delete requests.
func lokiCompactor(in load) need {
	t := rows([3]float64{1, 2, 10}, [3]float64{1, 6, 20}, [3]float64{1, 6, 40})
	cpu, memory := t.each(in.lines, in.lines/t[0].volume)
	return need{
		pods: 1, cpu: cpu, memory: 512*miB + memory*limitOverRequest, storage: in.lines * indexPart * 10,
		why: fmt.Sprintf("Loki's table at %s a day, never more than one pod; disk: ten days of index (0.05 %% of the lines)", size(in.lines)),
	}
}

// indexBytes is the size of the index that queries may touch.
func (in load) indexBytes() float64 {
	return in.lines * min(in.logReach, in.logRetention).Hours() / 24 * indexPart
}

// lokiSingle is all of Loki in one process. The table's first tier adds up to 38 cores and 59 GiB for 3 TB a day.
func lokiSingle(in load) need {
	perSecond := in.lines / day.Seconds()
	return need{
		pods: 1, cpu: 0.2 + in.lines/(3*tB)*38, memory: 512*miB + in.lines/(3*tB)*59*giB*limitOverRequest,
		storage: perSecond*walSeconds/walUse + in.indexBytes()*2 + in.lines*indexPart*10,
		why: fmt.Sprintf("512 MiB + %s a day of the 3 TB that Loki's table gives 59 GiB for, × %s; everything in one process",
			size(in.lines), digits(limitOverRequest)),
	}
}
