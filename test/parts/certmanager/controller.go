package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/healthz"

	// Every controller registers itself.
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/ingresses"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

func controllerCommand(flags *pflag.FlagSet) func(context.Context) error {
	o := controller.ContextOptions{
		KubernetesAPIQPS:   50,
		KubernetesAPIBurst: 100,
		IngressShimOptions: controller.IngressShimOptions{
			DefaultIssuerKind:                 "Issuer",
			DefaultIssuerGroup:                "cert-manager.io",
			DefaultAutoCertificateAnnotations: []string{"kubernetes.io/tls-acme"},
		},
		CertificateOptions: controller.CertificateOptions{
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
	}
	flags.StringVar(&o.Kubeconfig, "kubeconfig", "", "where the API server is; empty: that of the pod")
	flags.StringVar(&o.Namespace, "namespace", "", "the only namespace to work in; empty: all")
	flags.StringVar(&o.ClusterResourceNamespace, "cluster-resource-namespace", "kube-system", "namespace of cluster issuers' secrets")
	flags.BoolVar(&o.EnableOwnerRef, "enable-certificate-owner-ref", false, "secrets are deleted with their certificates")
	health := flags.String("healthz-listen-address", "0.0.0.0:9403", "address of the health checks")
	metrics := flags.String("metrics-listen-address", "0.0.0.0:9402", "address of the metrics")
	unused(flags, "leader-election-namespace", "leader-elect", "acme-http01-solver-image", "max-concurrent-challenges",
		"dns01-recursive-nameservers", "dns01-recursive-nameservers-only", "controllers")
	return func(ctx context.Context) error { return runControllers(ctx, o, *health, *metrics) }
}

func runControllers(ctx context.Context, o controller.ContextOptions, health, metrics string) error {
	factory, err := controller.NewContextFactory(ctx, o)
	if err != nil {
		return err
	}
	root, err := factory.Build()
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	checks, err := net.Listen("tcp", health)
	if err != nil {
		return fmt.Errorf("health checks: %w", err)
	}
	group.Go(func() error { return healthz.NewServer(20*time.Second).Start(ctx, checks) })
	numbers, err := net.Listen("tcp", metrics)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	server := root.Metrics.NewServer(numbers)
	context.AfterFunc(ctx, func() { server.Close() })
	go func() {
		// It ends with the process; what it served is gone then anyhow.
		_ = server.Serve(numbers)
	}()
	for name, construct := range controller.Known() {
		one, err := construct(factory)
		if err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
		group.Go(func() error {
			if err := one.Run(5, ctx); err != nil {
				return fmt.Errorf("controller %s: %w", name, err)
			}
			return nil
		})
	}
	root.SharedInformerFactory.Start(ctx.Done())
	root.KubeSharedInformerFactory.Start(ctx.Done())
	root.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	return group.Wait()
}
