package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/cert-manager/cert-manager/internal/webhook"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/webhook/options"
)

func webhookCommand(flags *pflag.FlagSet) func(context.Context) error {
	config, problem := options.NewWebhookConfiguration()
	if problem == nil {
		options.AddConfigFlags(flags, config)
	}
	return func(ctx context.Context) error {
		if problem != nil {
			return problem
		}
		if err := logf.ValidateAndApply(&config.Logging); err != nil {
			return err
		}
		server, err := webhook.NewCertManagerWebhookServer(logf.FromContext(ctx), *config)
		if err != nil {
			return err
		}
		return server.Run(ctx)
	}
}
