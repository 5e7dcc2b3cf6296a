package sizing

import (
	"fmt"
)

// cortexNeeds are Cortex' workloads.
func cortexNeeds(in load) map[string]need {
	if in.single {
		return map[string]need{"cortex": cortexSingle(in)}
	}
	return map[string]need{
		"distributor":     distributor(in),
		"ingester":        ingester(in),
		"querier":         querier(in),
		"query-frontend":  frontend(in),
		"query-scheduler": scheduler(in),
		"store-gateway":   gateway(in),
		"compactor":       compactor(in),
		"ruler":           ruler(in),
		"alertmanager":    alertmanager(in),
		"index-cache": cache(in, 512*mB+500*in.series, 4*giB,
			fmt.Sprintf("512 MB + %s series × 500 B", amount(in.series))),
		"chunks-cache": cache(in, max(512*mB, 0.01*in.recentBlocks()), 8*giB,
			fmt.Sprintf("1 %% of the blocks of the last 30 days (%s)", size(in.recentBlocks()))),
		"metadata-cache": cache(in, 128*mB+50*in.series, 2*giB,
			fmt.Sprintf("128 MB + %s series × 50 B", amount(in.series))),
		"results-cache": cache(in, 256*mB+50*in.series+25*mB*in.queries, 2*giB,
			fmt.Sprintf("256 MB + %s series × 50 B + %s queries/s × 25 MB", amount(in.series), digits(in.queries))),
	}
}

// recentBlocks is the size of the blocks of the last 30 days.
func (in load) recentBlocks() float64 {
	return in.blocks * min(1, float64(month)/float64(in.retention))
}

// diskScale is how much more disk samples need than at the scrape interval of 15 s that the figures were given for.
func (in load) diskScale() float64 { return max(1, 15/in.interval.Seconds()) }

func distributor(in load) need {
	total := in.samples * in.spareFactor()
	pods, each := spread(total, distributorSamples, in.several(3))
	return need{
		pods: pods, cpu: 0.1 + each/distributorSamplesPerCore, memory: 256*miB + each*distributorBytesPerSample,
		why: fmt.Sprintf("%s series every %s = %s samples/s%s; %s/s a core, at most %s/s a pod",
			amount(in.series), span(in.interval), amount(in.samples), in.spareText(), amount(distributorSamplesPerCore), amount(distributorSamples)),
	}
}

// ingester sizes one zone: it holds one copy of all series.
func ingester(in load) need {
	pods, each := grow(in.series, ingesterSeries)
	cpu := each / in.interval.Seconds() / ingesterSamplesPerCore
	pods = max(pods, podsFor(in.samples, ingesterSamplesPerCore*ingesterCores))
	disk := each * ingesterDiskPerSeries * float64(ingesterRetention) / float64(day) * ingesterDiskComfort * in.diskScale()
	return need{
		pods: pods, zonal: true,
		cpu: min(ingesterCores, 0.1+cpu), memory: 256*miB + each*ingesterBytesPerSeries, storage: disk,
		why: fmt.Sprintf("%s series × %s × 15 kB = %s over %s (at most %s series each); disk: series × 30 kB × 13 h/24 h × 1.5",
			amount(in.series), copies(in.copies), size(in.series*float64(in.copies)*ingesterBytesPerSeries),
			plural(pods*in.zones, "ingester"), amount(ingesterSeries)),
	}
}

func querier(in load) need {
	total := in.queries * in.spareFactor()
	pods, each := spread(total, querierQueries, in.several(3))
	pods = max(pods, podsFor(in.series, querierSeries))
	series := min(in.series, querierSeries)
	return need{
		pods: pods, cpu: 0.25 + each/queriesPerCore,
		memory: giB + each/queriesPerCore*gB + series/querierSeries*2*giB + months(in.reach)*256*miB,
		why: fmt.Sprintf("%s queries/s%s at %d a core, and one for %s series; memory for ranges of %s",
			digits(in.queries), in.spareText(), queriesPerCore, amount(querierSeries), span(in.reach)),
	}
}

func frontend(in load) need {
	pods, each := spread(in.queries*in.spareFactor(), frontendQueries, in.several(2))
	return need{
		pods: pods, cpu: 0.1 + each/frontendQueries, memory: 512*miB + each/frontendQueries*gB + months(in.reach)*128*miB,
		why: fmt.Sprintf("%s queries/s%s at %d a pod; memory for merging ranges of %s",
			digits(in.queries), in.spareText(), frontendQueries, span(in.reach)),
	}
}

func scheduler(in load) need {
	pods, each := spread(in.queries*in.spareFactor(), schedulerQueries, in.several(2))
	return need{
		pods: pods, cpu: 0.1 + each/schedulerQueries, memory: 128*miB + each/schedulerQueries*100*mB,
		why: fmt.Sprintf("%s queries/s%s at %d a pod", digits(in.queries), in.spareText(), schedulerQueries),
	}
}

// gateway sizes one zone: it serves one copy of all blocks and its share of the queries.
func gateway(in load) need {
	queries := in.queries * in.spareFactor() / float64(in.zones)
	pods, each := spread(queries, querierQueries, 1)
	pods = max(pods, podsFor(in.blocks, gatewayBlocks))
	blocks := min(in.blocks, gatewayBlocks)
	return need{
		pods: pods, zonal: true,
		cpu: 0.25 + each/queriesPerCore, memory: giB + each/queriesPerCore*gB + blocks/gatewayBlocks*3*giB,
		storage: blocks * gatewayDisk,
		why: fmt.Sprintf("%s samples/s × %s × 2 B = %s of blocks in each zone, at most %s a pod; disk: 1 %% of them",
			amount(in.samples), span(in.retention), size(in.blocks), size(gatewayBlocks)),
	}
}

// compactor gives each pod the disk for all tenants: when another one is gone, it takes over, and the largest tenant may be
// nearly everything.
func compactor(in load) need {
	each := min(in.series, compactorSeries)
	return need{
		pods: max(in.several(2), podsFor(in.series, compactorSeries)),
		cpu:  0.25 + each/compactorSeries, memory: giB + each/compactorSeries*4*gB,
		storage: each * compactorDiskPerSeries,
		why: fmt.Sprintf("one for %s series, two with replication; disk: %s series × 15 kB = %s",
			amount(compactorSeries), amount(each), size(each*compactorDiskPerSeries)),
	}
}

func ruler(in load) need {
	least := in.several(3)
	pods, each := spread(in.series, querierSeries, least)
	pods = max(pods, podsFor(in.queries*in.spareFactor()/2, querierQueries))
	return need{
		pods: pods, cpu: 0.1 + 0.9*each/querierSeries, memory: 512*miB + 2.5*giB*each/querierSeries,
		why: fmt.Sprintf("one for %s series, at least %d", amount(querierSeries), least),
	}
}

func alertmanager(in load) need {
	tenants := float64(in.tenants)
	return need{
		pods: in.copies, cpu: 0.1 + min(2, tenants*0.005), memory: min(8*giB, 128*miB+tenants*alertmanagerBytesPerTenant),
		storage: volumeLeast,
		why:     fmt.Sprintf("as many as copies (%d); 128 MiB + %s × 10 MiB", in.copies, plural(in.tenants, "tenant")),
	}
}

// cache is a memcached cluster with that much item memory in all, at most perPod in each pod.
func cache(in load, items, perPod float64, why string) need {
	pods, each := spread(items, perPod, in.several(2))
	return need{
		pods: pods, cpu: 0.5, memory: cacheBase + each*cacheOverhead,
		why: fmt.Sprintf("%s = %s of items; limit = items × 1.2 + 100 MiB", why, size(items)),
	}
}

// cortexSingle is all of Cortex in one process.
func cortexSingle(in load) need {
	cpu := 0.2 + in.samples*(1.0/ingesterSamplesPerCore+1.0/distributorSamplesPerCore) + in.queries/queriesPerCore/2
	disk := in.series * (ingesterDiskPerSeries*float64(ingesterRetention)/float64(day)*ingesterDiskComfort*in.diskScale() + compactorDiskPerSeries)
	return need{
		pods: 1, cpu: cpu, memory: 768*miB + in.series*ingesterBytesPerSeries, storage: disk + in.blocks*gatewayDisk,
		why: fmt.Sprintf("768 MiB + %s series × 15 kB; everything in one process", amount(in.series)),
	}
}

// spareFactor is how much more the workloads without state are built for, so that they can lose a zone.
func (in load) spareFactor() float64 {
	if in.copies < 2 {
		return 1
	}
	return spare
}

func (in load) spareText() string {
	if in.copies < 2 {
		return ""
	}
	return fmt.Sprintf(" (× %s: a zone may fail)", digits(spare))
}

func copies(n int) string {
	if n == 1 {
		return "1 copy"
	}
	return fmt.Sprintf("%d copies", n)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
