package sizing

import "time"

// Units of the figures below.
const (
	kB  = 1e3
	mB  = 1e6
	gB  = 1e9
	tB  = 1e12
	miB = 1 << 20
	giB = 1 << 30

	day   = 24 * time.Hour
	month = 30 * day
)

// Cortex. Quoted figures are the project's own where there are any; the rest is from the capacity guide of Mimir, which
// began as a copy of Cortex and has kept its design of ingesters, store-gateways and queriers.
const (
	// ingesterBytesPerSeries: "each million series in an ingester takes 15GB of RAM" (Cortex v1.21.1,
	// docs/guides/capacity-planning.md). That page says of itself that it is older than the blocks storage. Mimir's guide,
	// written for blocks, gives 2.5 GB for 300,000 series and asks for 50 % on top, which is 12.5 kB a series (Mimir,
	// docs/.../planning-capacity.md, read in November 2026). We take the higher one, and so add no headroom of our own.
	ingesterBytesPerSeries = 15 * kB
	// ingesterSamplesPerCore: 1 core for 300,000 series in memory at a scrape interval of 15 s (Mimir, planning-capacity.md).
	ingesterSamplesPerCore = 300_000 / 15
	// ingesterDiskPerSeries: "the number of timeseries after replication and multiply by 30KB" at a retention of 24 h (Cortex
	// v1.21.1, docs/blocks-storage/production-tips.md). Mimir's 5 GB for 300,000 series at 13 h is within 3 % of it.
	ingesterDiskPerSeries = 30 * kB
	// ingesterDiskComfort: the same page calls 150 GB "more comfortable" where 100 GB would do.
	ingesterDiskComfort = 1.5
	// ingesterRetention is blocks_storage.tsdb.retention_period in bases/cortex. Ours.
	ingesterRetention = 13 * time.Hour
	// ingesterSeries is the most series in one ingester. Ours: two such ingesters fit on a node of 32 GiB, and the
	// write-ahead log of one is replayed within minutes.
	ingesterSeries = 800_000
	// ingesterCores is the most CPU one ingester requests. Ours; reached only with scrape intervals under 10 s.
	ingesterCores = 4

	// distributorSamplesPerCore: "between 20,000 and 100,000 samples/sec with 1 CPU core" (Cortex v1.21.1,
	// capacity-planning.md). Ours within that range.
	distributorSamplesPerCore = 50_000
	// distributorSamples is the most samples a second for one distributor: two cores. Ours.
	distributorSamples = 2 * distributorSamplesPerCore
	// distributorBytesPerSample is memory for each sample a second. Mimir's guide says 40 kB, Cortex' "don't need much RAM".
	distributorBytesPerSample = 20 * kB

	// queriesPerCore: 1 core and 1 GB for 10 queries a second, for queriers and store-gateways each (Mimir, planning-capacity.md).
	queriesPerCore = 10
	// querierQueries is the most queries a second for one querier or store-gateway: two cores. Ours.
	querierQueries = 2 * queriesPerCore
	// querierSeries is the most active series that one querier or ruler is there for. Ours: in a large cluster a query
	// touches more series, whatever the rate that was stated.
	querierSeries = 2_000_000
	// frontendQueries: 1 core and 1 GB for 250 queries a second in the query-frontend (Mimir, planning-capacity.md).
	frontendQueries = 250
	// schedulerQueries: 1 core and 100 MB for 500 queries a second in the query-scheduler (Mimir, planning-capacity.md).
	schedulerQueries = 500

	// blockBytesPerSample: 2 bytes a sample in compacted blocks, index included (Mimir, planning-capacity.md).
	blockBytesPerSample = 2
	// gatewayDisk is the part of the blocks' size that a store-gateway keeps on disk. Mimir's guide gives 0.1 % for the
	// index-headers; ours is ten times that, for churn, for blocks not compacted yet, and because the disk is cheap.
	gatewayDisk = 0.01
	// gatewayBlocks is the most bytes of blocks that one store-gateway serves. Ours.
	gatewayBlocks = 2 * tB

	// compactorDiskPerSeries: "150GB of disk space every 10M active series owned by the largest tenant" (Cortex v1.21.1,
	// docs/blocks-storage/compactor.md). The largest tenant may be the whole cluster, so all series count.
	compactorDiskPerSeries = 15 * kB
	// compactorSeries: one compactor for 20 million active series, with 1 core and 4 GB (Mimir, planning-capacity.md).
	compactorSeries = 20_000_000
	// alertmanagerBytesPerTenant is one tenant's Alertmanager. Ours.
	alertmanagerBytesPerTenant = 10 * miB
)

// Loki. The table of sizes is in loki.go.
const (
	// limitOverRequest: Loki's table gives requests at the 90th percentile; here the request is the limit too. Ours.
	limitOverRequest = 1.5
	// walSecond: 10 to 15 GB of write-ahead log at 5 MB/s is 2,000 to 3,000 seconds (Loki v3.7.8,
	// docs/sources/operations/storage/wal.md).
	walSeconds = 3_000
	// walUse: the same page says that the disk should not be filled; the part is ours.
	walUse = 0.7
	// indexPart is the size of the TSDB index against that of the lines. Ours.
	indexPart = 0.0005
	// chunkCompression is how much smaller chunks are than their lines. Ours, cautious.
	chunkCompression = 5
	// logQueriesPerQuerier is how many log queries a second one querier takes. Ours.
	logQueriesPerQuerier = 0.5
)

// Everything else. All of these are ours, unless said otherwise.
const (
	// spare is for workloads without state: with one of three zones gone, the other two carry the whole load.
	spare = 1.5
	// wireBytesPerSample: 43 bytes a sample on the wire (our own measurement, November 2026, 10,000 series in batches of 1,000).
	wireBytesPerSample = 43
	// logPeak is the busiest second of a day against the average one.
	logPeak = 3
	// proxyBytesPerCore is a fifth of what a caching Go proxy moved in our own measurement (50 kB in 184 µs, November
	// 2026): the rest is for TLS handshakes, small requests and the conversion of Datadog's formats.
	proxyBytesPerCore = 50 * mB
	// proxyBytes is the most bytes a second for one proxy: two cores.
	proxyBytes = 2 * proxyBytesPerCore
	// cacheOverhead and cacheBase: a memcached's limit is 1.2 times its item memory and 100 MiB. Base configurations
	// compute the item memory back from it.
	cacheOverhead = 1.2
	cacheBase     = 100 * miB
	// collectorSeriesPerPod and collectorSeriesPerTenant are what a pod of the platform shows of itself after the collector
	// dropped what nobody asks for, and what a tenant adds to it over all pods (our own measurement on the cluster bed,
	// November 2026, rounded up).
	collectorSeriesPerPod    = 1_500
	collectorSeriesPerTenant = 300
	// collectorBytesPerSeries is memory of the agent for a series: its log, and the queue's copy of the labels.
	collectorBytesPerSeries = 6 * kB
	// collectorSeriesPerCore is how many series one core scrapes every 30 s and writes.
	collectorSeriesPerCore = 300_000
	// volumeLeast is the smallest volume: Google's balanced disks begin at 10 GiB.
	volumeLeast = 10 * giB
)
