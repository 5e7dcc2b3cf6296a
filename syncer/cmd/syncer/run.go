package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/opsgen/opsgen/syncer/config"
	"github.com/opsgen/opsgen/syncer/erase"
	"github.com/opsgen/opsgen/syncer/frontdoor"
	"github.com/opsgen/opsgen/syncer/secret"
	"github.com/opsgen/opsgen/syncer/tenant"
	"github.com/opsgen/opsgen/syncer/tenantsource"
)

// run starts the controllers and the admin address, and ends with the context.
func run(ctx context.Context, c config.Config) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	klog.SetLogger(logr.FromSlogHandler(log.Handler()))
	cluster, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	if err := serve(ctx, cluster, c, log); err != nil {
		return runError{err}
	}
	return nil
}

// serve runs the controllers in a cluster.
func serve(ctx context.Context, cluster *rest.Config, c config.Config, log *slog.Logger) error {
	mgr, err := newManager(cluster, c)
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
	door, err := frontdoor.New(c.Proxy, c.RequestsPerSecond, metrics.Registry)
	if err != nil {
		return err
	}
	tenants, err := newTenants(mgr, c, door, log)
	if err != nil {
		return err
	}
	if err := addEraser(mgr, c, door, log); err != nil {
		return err
	}
	if err := tenants.SetupWithManager(mgr); err != nil {
		return err
	}
	if err := addProbes(mgr, maker, tenants); err != nil {
		return fmt.Errorf("serve probes: %w", err)
	}
	return mgr.Start(ctx)
}

// newManager reads Secrets straight from the API server: the syncer may read the few that it makes, by name, and so can
// keep no cache of them.
func newManager(cluster *rest.Config, c config.Config) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := core.AddToScheme(scheme); err != nil {
		return nil, err
	}
	// The API server shares itself out fairly (API Priority and Fairness); a thousand namespaces to watch are a thousand
	// requests at the start, which the client's own bound would stretch to minutes.
	cluster = rest.CopyConfig(cluster)
	cluster.QPS, cluster.Burst = 100, 200
	namespace, name, _ := strings.Cut(c.Lease, "/")
	return ctrl.NewManager(cluster, ctrl.Options{
		Scheme:  scheme,
		Client:  client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&core.Secret{}}}},
		Metrics: server.Options{BindAddress: c.Admin},
		// One works, whatever number of replicas runs. The next one takes over at once when this one ends, since the program
		// ends with the manager; after a crash, in 15 seconds.
		LeaderElection: true, LeaderElectionNamespace: namespace, LeaderElectionID: name, LeaderElectionReleaseOnCancel: true,
	})
}

// newTenants prepares what keeps tenants' rules and alerting.
func newTenants(mgr ctrl.Manager, c config.Config, door *frontdoor.Client, log *slog.Logger) (*tenant.Syncer, error) {
	watcher, err := tenantsource.NewWatcher(mgr.GetConfig(), c.Sources, log)
	if err != nil {
		return nil, err
	}
	namespace, name, _ := strings.Cut(c.Lease, "/")
	return tenant.New(tenant.Options{
		Config: c, Ledger: client.ObjectKey{Namespace: namespace, Name: name + "-tenants"}, Door: door,
		Namespaces: mgr.GetClient(), API: mgr.GetAPIReader(), Writer: mgr.GetClient(), Watcher: watcher,
		Events: mgr.GetEventRecorder("syncer"), Metrics: metrics.Registry, Log: log,
	})
}

// addEraser adds what deletes the data of removed tenants.
func addEraser(mgr ctrl.Manager, c config.Config, door *frontdoor.Client, log *slog.Logger) error {
	namespace, name, _ := strings.Cut(c.Lease, "/")
	eraser, err := erase.New(erase.Options{
		Config: c, Records: client.ObjectKey{Namespace: namespace, Name: name + "-erasures"}, Door: door,
		API: mgr.GetAPIReader(), Writer: mgr.GetClient(), Metrics: metrics.Registry, Log: log,
	})
	if err != nil {
		return err
	}
	return mgr.Add(eraser)
}

// waits is after how long without the lease another syncer must have it: it is longer than the lease itself.
const waits = 20 * time.Second

// addProbes serves the probes beside the metrics, on one port. A syncer that waits while another one works is ready. The
// one that works is ready when it knows all tenants and has made the secrets that others wait for.
func addProbes(mgr ctrl.Manager, maker *secret.Maker, tenants *tenant.Syncer) error {
	started := time.Now()
	for path, check := range map[string]healthz.Checker{
		"/-/ready": func(r *http.Request) error {
			select {
			case <-mgr.Elected():
			default:
				if time.Since(started) < waits {
					return errors.New("it is not known yet whether another syncer works")
				}
				return nil
			}
			if err := tenants.Ready(); err != nil {
				return err
			}
			return maker.Ready(r.Context())
		},
		"/-/healthy": healthz.Ping,
	} {
		handler := http.StripPrefix(path, &healthz.Handler{Checks: map[string]healthz.Checker{"syncer": check}})
		if err := mgr.AddMetricsServerExtraHandler(path, handler); err != nil {
			return err
		}
	}
	return nil
}
