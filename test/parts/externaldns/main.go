// External-dns with records in memory: whatever provider it is told to use, it keeps the records itself and logs each
// change, so that a manifest made for a cloud runs where there is none. Sources, plan, policy, filters and the registry
// of owners are external-dns' own.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	log "github.com/sirupsen/logrus"
	"sigs.k8s.io/external-dns/endpoint"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns"
	"sigs.k8s.io/external-dns/pkg/apis/externaldns/validation"
	"sigs.k8s.io/external-dns/plan"
	"sigs.k8s.io/external-dns/provider"
	"sigs.k8s.io/external-dns/provider/inmemory"
	"sigs.k8s.io/external-dns/registry"
	"sigs.k8s.io/external-dns/registry/noop"
	"sigs.k8s.io/external-dns/registry/txt"
	"sigs.k8s.io/external-dns/source"
	"sigs.k8s.io/external-dns/source/annotations"
	"sigs.k8s.io/external-dns/source/wrappers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		log.Error(err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	config := externaldns.NewConfig()
	if err := config.ParseFlags(arguments); err != nil {
		return fmt.Errorf("reading flags: %w", err)
	}
	// The provider that is asked for decides which flags are right, as in external-dns itself.
	if err := validation.ValidateConfig(config); err != nil {
		return fmt.Errorf("checking flags: %w", err)
	}
	annotations.SetAnnotationPrefix(config.AnnotationPrefix)
	level, err := log.ParseLevel(config.LogLevel)
	if err != nil {
		return fmt.Errorf("checking flags: %w", err)
	}
	log.SetLevel(level)
	if config.LogFormat == "json" {
		log.SetFormatter(&log.JSONFormatter{})
	}
	c, err := newController(ctx, config)
	if err != nil {
		return err
	}
	log.Infof("records are kept in memory, provider %s is not called", config.Provider)
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, config.MetricsAddress) }()
	if err := c.run(ctx); err != nil {
		return err
	}
	return <-ended
}

func newController(ctx context.Context, config *externaldns.Config) (*controller, error) {
	sources, err := source.NewSourceConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reading flags of sources: %w", err)
	}
	c := &controller{config: config, metrics: newMetrics(), next: make(chan struct{}, 1)}
	if c.source, err = wrappers.Build(ctx, sources); err != nil {
		return nil, fmt.Errorf("watching sources: %w", err)
	}
	var ok bool
	if c.policy, ok = plan.Policies[config.Policy]; !ok {
		return nil, fmt.Errorf("there is no policy %q", config.Policy)
	}
	c.filter = endpoint.NewDomainFilterWithOptions(
		endpoint.WithDomainFilter(config.DomainFilter), endpoint.WithDomainExclude(config.DomainExclude),
		endpoint.WithRegexDomainFilter(config.RegexDomainFilter), endpoint.WithRegexDomainExclude(config.RegexDomainExclude),
	)
	// A cloud's zones exist before; those of memory begin as the domains that may be changed.
	config.InMemoryZones = append(config.InMemoryZones, config.DomainFilter...)
	records, err := inmemory.New(ctx, config, c.filter)
	if err != nil {
		return nil, fmt.Errorf("making zones: %w", err)
	}
	if c.registry, err = newRegistry(config, records); err != nil {
		return nil, fmt.Errorf("making the registry of owners: %w", err)
	}
	return c, nil
}

func newRegistry(config *externaldns.Config, records provider.Provider) (registry.Registry, error) {
	switch config.Registry {
	case externaldns.RegistryTXT:
		return txt.New(config, records)
	case externaldns.RegistryNoop:
		return noop.New(config, records)
	}
	return nil, fmt.Errorf("registry %q is not built in: use txt or noop", config.Registry)
}

// serve answers probes and scrapes until ctx ends.
func serve(ctx context.Context, address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "OK") })
	mux.Handle("/metrics", promhttp.Handler())
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving probes: %w", err)
	}
	return nil
}
