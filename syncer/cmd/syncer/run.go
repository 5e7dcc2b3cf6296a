package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/go-logr/logr"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/opsgen/opsgen/syncer/config"
	"github.com/opsgen/opsgen/syncer/secret"
)

// run starts the controllers and the admin address, and ends with the context.
func run(ctx context.Context, c config.Config) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return err
	}
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
	cluster, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	if err := serve(ctx, cluster, c); err != nil {
		return runError{err}
	}
	return nil
}

// serve runs the controllers in a cluster.
func serve(ctx context.Context, cluster *rest.Config, c config.Config) error {
	mgr, err := newManager(cluster, c.Admin)
	if err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	maker, err := secret.New(mgr.GetClient(), mgr.GetEventRecorder("syncer"), c.GeneratedSecrets, time.Duration(c.Resync), metrics.Registry)
	if err != nil {
		return err
	}
	if err := maker.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("watch namespaces: %w", err)
	}
	if err := addProbes(mgr, maker); err != nil {
		return fmt.Errorf("serve probes: %w", err)
	}
	return mgr.Start(ctx)
}

// newManager reads Secrets straight from the API server: the syncer may read the few that it makes, by name, and so can
// keep no cache of them.
func newManager(cluster *rest.Config, admin string) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := core.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return ctrl.NewManager(cluster, ctrl.Options{
		Scheme:  scheme,
		Client:  client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&core.Secret{}}}},
		Metrics: server.Options{BindAddress: admin},
	})
}

// addProbes serves the probes beside the metrics, on one port.
func addProbes(mgr ctrl.Manager, maker *secret.Maker) error {
	for path, check := range map[string]healthz.Checker{
		"/-/ready":   func(r *http.Request) error { return maker.Ready(r.Context()) },
		"/-/healthy": healthz.Ping,
	} {
		handler := http.StripPrefix(path, &healthz.Handler{Checks: map[string]healthz.Checker{"syncer": check}})
		if err := mgr.AddMetricsServerExtraHandler(path, handler); err != nil {
			return err
		}
	}
	return nil
}
