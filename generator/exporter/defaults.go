package exporter

import (
	"maps"
	"net/url"
	"time"

	"github.com/opsgen/opsgen/generator/quantity"
)

const (
	second = quantity.Duration(time.Second)
	minute = 60 * second
)

// Defaults.
const (
	samplesPerScrape  = 20_000
	cloudInterval     = 2 * minute
	cloudWatchAsks    = 5 * minute
	period            = 5 * minute
	blackboxInterval  = 30 * second
	probeTimeout      = 5 * second
	cloudMemory       = "128Mi"
	blackboxMemory    = "64Mi"
	defaultStatistic  = "Average"
	defaultAggregator = "average"
)

// builtIn are the modules that need not be written.
func builtIn() map[string]Module {
	return map[string]Module{proberHTTP: {HTTP: &HTTPProbe{}}, proberTCP: {TCP: &TCPProbe{}}}
}

// WithDefaults is a copy with everything filled in that was left out. Nil stays nil.
func (e *Exporters) WithDefaults() *Exporters {
	if e == nil {
		return nil
	}
	all := *e
	or(&all.SamplesPerScrape, samplesPerScrape)
	if e.CloudWatch != nil {
		all.CloudWatch = e.CloudWatch.withDefaults()
	}
	if e.CloudMonitoring != nil {
		c := *e.CloudMonitoring
		or(&c.Interval, cloudInterval)
		or(&c.Memory, cloudMemory)
		all.CloudMonitoring = &c
	}
	if e.AzureMonitor != nil {
		all.AzureMonitor = e.AzureMonitor.withDefaults()
	}
	if e.Blackbox != nil {
		all.Blackbox = e.Blackbox.withDefaults()
	}
	return &all
}

// Any says whether there is an exporter at all.
func (e *Exporters) Any() bool {
	return e != nil && (e.CloudWatch != nil || e.CloudMonitoring != nil || e.AzureMonitor != nil || e.Blackbox != nil)
}

// Memory is each exporter's request and limit in Kubernetes notation by its field in tenant.yaml ("cloudwatch").
func (e *Exporters) Memory() map[string]string {
	memory := map[string]string{}
	if e == nil {
		return memory
	}
	if e.CloudWatch != nil {
		memory["cloudwatch"] = e.CloudWatch.Memory
	}
	if e.CloudMonitoring != nil {
		memory["cloudMonitoring"] = e.CloudMonitoring.Memory
	}
	if e.AzureMonitor != nil {
		memory["azureMonitor"] = e.AzureMonitor.Memory
	}
	if e.Blackbox != nil {
		memory["blackbox"] = e.Blackbox.Memory
	}
	return memory
}

// InClouds are the names of the exporters that are somebody in a cloud ("cloudwatch").
func (e *Exporters) InClouds() []string {
	var names []string
	if e != nil && e.CloudWatch != nil {
		names = append(names, "cloudwatch")
	}
	if e != nil && e.CloudMonitoring != nil {
		names = append(names, "cloud-monitoring")
	}
	if e != nil && e.AzureMonitor != nil {
		names = append(names, "azure-monitor")
	}
	return names
}

func or[T comparable](field *T, value T) {
	var none T
	if *field == none {
		*field = value
	}
}

func (c *CloudWatch) withDefaults() *CloudWatch {
	all := *c
	or(&all.Interval, cloudWatchAsks)
	or(&all.Memory, cloudMemory)
	all.Jobs = make([]CloudWatchJob, len(c.Jobs))
	for i, job := range c.Jobs {
		if len(job.Regions) == 0 {
			job.Regions = c.Regions
		}
		or(&job.Period, period)
		metrics := make([]CloudWatchMetric, len(job.Metrics))
		for j, metric := range job.Metrics {
			if len(metric.Statistics) == 0 {
				metric.Statistics = []string{defaultStatistic}
			}
			metrics[j] = metric
		}
		job.Metrics = metrics
		all.Jobs[i] = job
	}
	return &all
}

func (a *AzureMonitor) withDefaults() *AzureMonitor {
	all := *a
	or(&all.Interval, cloudInterval)
	or(&all.Memory, cloudMemory)
	all.Queries = make([]AzureQuery, len(a.Queries))
	for i, query := range a.Queries {
		if len(query.Aggregations) == 0 {
			query.Aggregations = []string{defaultAggregator}
		}
		or(&query.Period, period)
		all.Queries[i] = query
	}
	return &all
}

func (b *Blackbox) withDefaults() *Blackbox {
	all := *b
	or(&all.Interval, blackboxInterval)
	or(&all.Memory, blackboxMemory)
	all.Modules = builtIn()
	maps.Copy(all.Modules, b.Modules)
	for name, module := range all.Modules {
		or(&module.Timeout, probeTimeout)
		all.Modules[name] = module
	}
	all.Targets = make([]Target, len(b.Targets))
	for i, target := range b.Targets {
		or(&target.Module, defaultModule(target.Address))
		module := all.Modules[target.Module]
		if end, err := locate(target.Address, module.prober()); err == nil {
			target.Port, target.UDP = end.port, module.DNS != nil && !module.DNS.TCP
		}
		all.Targets[i] = target
	}
	return &all
}

// defaultModule is http for a URL, tcp for all else.
func defaultModule(address string) string {
	if u, err := url.Parse(address); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return proberHTTP
	}
	return proberTCP
}

// prober is the way that is written; the first where there are several, which is refused.
func (m Module) prober() string {
	switch {
	case m.HTTP != nil:
		return proberHTTP
	case m.DNS != nil:
		return proberDNS
	case m.GRPC != nil:
		return proberGRPC
	}
	return proberTCP
}
