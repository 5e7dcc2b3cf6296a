package main

import (
	"context"

	"github.com/spf13/pflag"
	admission "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	registration "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/cert-manager/cert-manager/pkg/controller/cainjector"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util"
)

func injectorCommand(flags *pflag.FlagSet) func(context.Context) error {
	namespace := flags.String("namespace", "", "the only namespace whose secrets are read; empty: all")
	certificates := flags.Bool("enable-certificates-data-source", true, "take authorities from certificates")
	metrics := flags.String("metrics-listen-address", "0.0.0.0:9402", "address of the metrics; 0: none")
	kinds := map[string]*bool{
		cainjector.MutatingWebhookConfigurationName:   flags.Bool("enable-mutatingwebhookconfigurations-injectable", true, ""),
		cainjector.ValidatingWebhookConfigurationName: flags.Bool("enable-validatingwebhookconfigurations-injectable", true, ""),
		cainjector.APIServiceName:                     flags.Bool("enable-apiservices-injectable", true, ""),
		cainjector.CustomResourceDefinitionName:       flags.Bool("enable-customresourcedefinitions-injectable", true, ""),
	}
	unused(flags, "leader-election-namespace", "leader-elect")
	return func(ctx context.Context) error {
		enabled := map[string]bool{}
		for kind, on := range kinds {
			enabled[kind] = *on
		}
		manager, err := injectorManager(ctx, *namespace, *metrics)
		if err != nil {
			return err
		}
		if err := cainjector.RegisterAllInjectors(ctx, manager, cainjector.SetupOptions{
			Namespace:                    *namespace,
			EnableCertificatesDataSource: *certificates,
			EnabledReconcilersFor:        enabled,
		}); err != nil {
			return err
		}
		return manager.Start(ctx)
	}
}

func injectorManager(ctx context.Context, namespace, metrics string) (ctrl.Manager, error) {
	ctrl.SetLogger(logf.FromContext(ctx))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		core.AddToScheme, admission.AddToScheme, apiextensions.AddToScheme, registration.AddToScheme, certmanager.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	var namespaces map[string]cache.Config
	if namespace != "" {
		namespaces = map[string]cache.Config{namespace: {}}
	}
	rest, err := ctrl.GetConfig()
	if err != nil {
		return nil, err
	}
	// The injector's field manager is the first part of it.
	rest = util.RestConfigWithUserAgent(rest, "cainjector")
	return ctrl.NewManager(rest, ctrl.Options{
		Scheme:  scheme,
		Metrics: server.Options{BindAddress: metrics},
		Cache:   cache.Options{ReaderFailOnMissingInformer: true, DefaultNamespaces: namespaces},
		// Only the metadata of secrets is watched; what is in one is read when it is needed.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&core.Secret{}}}},
	})
}
