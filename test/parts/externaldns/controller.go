package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	log "github.com/sirupsen/logrus"
	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/registry"
	"sigs.k8s.io/external-dns/source"
)

// A controller makes the records what the sources want, at each interval and soon after an event.
type controller struct {
	config   *externaldns.Config
	source   source.Source
	registry registry.Registry
	policy   plan.Policy
	filter   *endpoint.DomainFilter
	metrics  metrics
	next     chan struct{}
}

// metrics have external-dns' own names (controller/metrics.go, v0.22.0), so that rules about them can be tried.
type metrics struct {
	synced, tried, wanted, held prometheus.Gauge
	sourceErrors, recordErrors  prometheus.Counter
}

func newMetrics() metrics {
	gauge := func(subsystem, name, help string) prometheus.Gauge {
		return promauto.NewGauge(prometheus.GaugeOpts{Namespace: "external_dns", Subsystem: subsystem, Name: name, Help: help})
	}
	failures := func(subsystem string) prometheus.Counter {
		return promauto.NewCounter(prometheus.CounterOpts{
			Namespace: "external_dns", Subsystem: subsystem, Name: "errors_total", Help: "Number of errors",
		})
	}
	return metrics{
		synced:       gauge("controller", "last_sync_timestamp_seconds", "Time of the last success"),
		tried:        gauge("controller", "last_reconcile_timestamp_seconds", "Time of the last attempt"),
		wanted:       gauge("source", "endpoints_total", "Number of wanted records"),
		held:         gauge("registry", "endpoints_total", "Number of records"),
		sourceErrors: failures("source"), recordErrors: failures("registry"),
	}
}

func (c *controller) run(ctx context.Context) error {
	if c.config.UpdateEvents {
		c.source.AddEventHandler(ctx, func() {
			select {
			case c.next <- struct{}{}:
			default: // One is waiting already.
			}
		})
	}
	for {
		if err := c.once(ctx); err != nil {
			return err
		}
		if c.config.Once {
			return nil
		}
		began := time.Now()
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.config.Interval):
			continue
		case <-c.next:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Until(began.Add(c.config.MinEventSyncInterval))):
		}
	}
}

func (c *controller) once(ctx context.Context) error {
	c.metrics.tried.SetToCurrentTime()
	held, err := c.registry.Records(ctx)
	if err != nil {
		c.metrics.recordErrors.Inc()
		return fmt.Errorf("reading records: %w", err)
	}
	c.metrics.held.Set(float64(len(held)))
	wanted, err := c.source.Endpoints(ctx)
	if err != nil {
		c.metrics.sourceErrors.Inc()
		return fmt.Errorf("reading sources: %w", err)
	}
	c.metrics.wanted.Set(float64(len(wanted)))
	if wanted, err = c.registry.AdjustEndpoints(wanted); err != nil {
		return fmt.Errorf("adjusting what is wanted: %w", err)
	}
	changes := (&plan.Plan{
		Policies: []plan.Policy{c.policy}, Current: held, Desired: wanted,
		DomainFilter:   endpoint.MatchAllDomainFilters{c.filter, c.registry.GetDomainFilter()},
		ManagedRecords: c.config.ManagedDNSRecordTypes, ExcludeRecords: c.config.ExcludeDNSRecordTypes,
		OwnerID: c.registry.OwnerID(), OldOwnerID: c.config.TXTOwnerOld,
	}).Calculate().Changes
	if !changes.HasChanges() {
		log.Info("All records are already up to date")
	} else if err := c.registry.ApplyChanges(ctx, changes); err != nil {
		c.metrics.recordErrors.Inc()
		return fmt.Errorf("changing records: %w", err)
	}
	c.metrics.synced.SetToCurrentTime()
	return nil
}
