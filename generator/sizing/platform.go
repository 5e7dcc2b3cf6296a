package sizing

import "fmt"

// proxyNeed sizes the front door by the bytes that pass it.
func proxyNeed(in load) need {
	bytes := in.samples*wireBytesPerSample + in.lines/day.Seconds()*logPeak
	least := in.several(3)
	pods, each := spread(bytes*in.spareFactor(), proxyBytes, least)
	base := 192.0 * miB
	if in.single {
		base = 96 * miB
	}
	return need{
		pods: pods, cpu: 0.1 + each/proxyBytesPerCore,
		// Four seconds of what passes, for slow backends, and each tenant's counters.
		memory: base + each*4 + float64(in.tenants)*miB/4,
		why: fmt.Sprintf("%s samples/s × 43 B + 3 × the average of %s of lines a day = %s/s%s at %s/s a core",
			amount(in.samples), size(in.lines), size(bytes), in.spareText(), size(proxyBytesPerCore)),
	}
}

func syncerNeed(in load) need {
	return need{
		pods: in.several(2), cpu: 0.05 + min(1, float64(in.tenants)*0.002), memory: min(4*giB, 128*miB+float64(in.tenants)*miB),
		why: fmt.Sprintf("128 MiB + %s × 1 MiB", plural(in.tenants, "tenant")),
	}
}

// grafanaNeeds are each tenant's Grafana and the container beside it.
func grafanaNeeds(in load) map[string]need {
	grafana := need{pods: 1, tenants: true, cpu: 0.1, memory: 512 * miB, why: "one for each tenant, without a volume: all its state comes from Git"}
	if in.single {
		grafana.memory = 384 * miB
	}
	return map[string]need{
		"grafana": grafana,
		"sidecar": {pods: 1, tenants: true, sidecar: true, cpu: 0.05, memory: 64 * miB, why: "a container in each Grafana's pod"},
	}
}

// fluxNeeds grow with the tenants: each is a Kustomization. Operators report 1 to 2 GiB for kustomize-controller with
// hundreds of them and several workers (kustomize-controller issues 801 and 1111).
func fluxNeeds(in load) map[string]need {
	tenants := float64(in.tenants)
	return map[string]need{
		"source-controller": {
			pods: 1, cpu: 0.1, memory: min(2*giB, 256*miB+tenants*0.5*miB),
			why: fmt.Sprintf("256 MiB + %s × 0.5 MiB: it clones the repository with all tags", plural(in.tenants, "tenant")),
		},
		"kustomize-controller": {
			pods: 1, cpu: 0.2 + min(2, tenants*0.01), memory: min(4*giB, 512*miB+tenants*4*miB),
			why: fmt.Sprintf("512 MiB + %s × 4 MiB: one Kustomization each", plural(in.tenants, "tenant")),
		},
	}
}

// certManagerNeeds do not grow: there is one certificate. cainjector holds all CRDs and webhook configurations of the
// cluster in memory; 128 MiB were too little for it (cert-manager issues 5279 and 6217).
func certManagerNeeds() map[string]need {
	return map[string]need{
		"controller": {pods: 1, cpu: 0.05, memory: 128 * miB, why: "one wildcard certificate, whatever the capacity"},
		"webhook":    {pods: 1, cpu: 0.05, memory: 64 * miB, why: "checks a handful of objects"},
		"cainjector": {pods: 1, cpu: 0.05, memory: 256 * miB, why: "holds the cluster's CRDs and webhooks in memory"},
	}
}

func externalDNSNeed() need {
	return need{pods: 1, cpu: 0.05, memory: 128 * miB, why: "one wildcard record, whatever the capacity"}
}

// autoscalerNeed is that of the cluster autoscaler, which holds all pods and nodes in memory and plays through where pods
// would fit. The example of its own releases has 600 MiB for any cluster.
func autoscalerNeed(in load) need {
	return need{pods: in.several(2), cpu: 0.1, memory: 600 * miB, why: "holds the cluster's pods and nodes in memory; the second pod waits"}
}

// objectStoreNeed is the small S3 server of clusters without an object storage of their own.
func objectStoreNeed(in load) need {
	chunks := in.lines * in.logRetention.Hours() / 24 / chunkCompression
	data := in.blocks + chunks
	return need{
		pods: 1, cpu: 0.1 + (in.samples*blockBytesPerSample+in.lines/day.Seconds())/(50*mB), memory: 256 * miB,
		storage: data * 1.3,
		why: fmt.Sprintf("%s of blocks + %s of chunks (lines / %d), + 30 %%",
			size(in.blocks), size(chunks), chunkCompression),
	}
}

// collectorNeed is the agent that scrapes all other workloads of the platform.
func collectorNeed(in load, all map[string]map[string]need) need {
	pods := 0
	for _, component := range scraped() {
		for _, n := range all[component] {
			if n.zonal {
				pods += n.pods * in.zones
			} else {
				pods += n.pods
			}
		}
	}
	series, why := platformSeries(pods, in.tenants)
	return need{
		pods: 1, cpu: 0.02 + series/collectorSeriesPerCore, memory: 96*miB + series*collectorBytesPerSeries,
		why: fmt.Sprintf("96 MiB + %s, %s a series", why, size(collectorBytesPerSeries)),
	}
}
