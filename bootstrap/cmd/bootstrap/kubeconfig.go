package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/cluster"
)

func newKubeconfigCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kubeconfig CLUSTER",
		Short: "Print a kubeconfig that needs no command-line tools of the cloud",
		Long: `Kubeconfig prints how the cluster is reached. kubectl asks this program for a token each time (` + "`bootstrap token`" + `), with
the credentials of the cloud that are there then; nothing in the file is secret or expires. With --static, the token is
in the file: for another machine, and for some minutes.`,
		Example: `  bootstrap kubeconfig clusters/prod > prod.kubeconfig
  kubectl --kubeconfig prod.kubeconfig get nodes`,
		Args: oneCluster, ValidArgsFunction: a.completeCluster,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			s, err := a.open(cmd.Context(), arguments[0])
			if err != nil {
				return err
			}
			// How the cluster is reached is known once it was found; it need not answer from here.
			if last := s.beforeKubernetes(); last != "" {
				if _, err := s.look(cmd.Context(), last); err != nil {
					return err
				}
			}
			config, err := s.kubernetes.Kubeconfig(cmd.Context())
			if errors.Is(err, engine.ErrMissing) {
				return failedCheck{"there is no cluster yet: run `bootstrap up " + arguments[0] + "`"}
			}
			if err != nil {
				return err
			}
			if _, asks := s.provider.(provider.Bearer); asks && !a.settings.GetBool("static") {
				if err := s.askForTokens(config); err != nil {
					return err
				}
			}
			text, err := clientcmd.Write(*config)
			if err != nil {
				return fmt.Errorf("write the kubeconfig: %w", err)
			}
			_, err = a.stdout.Write(text)
			return err
		},
	}
	cmd.Flags().Bool("static", false, "put a token into it that is good for some minutes")
	return cmd
}

// choosers are variables that choose whose credentials are used; none of them is a secret.
func choosers() []string {
	return []string{"AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"}
}

// askForTokens takes the token out of a kubeconfig, and lets kubectl call this program for one.
func (s *session) askForTokens(config *api.Config) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find out where this program is: %w", err)
	}
	if strings.HasPrefix(program, filepath.Join(os.TempDir(), "go-build")) {
		program = "bootstrap"
		fmt.Fprintln(s.stderr, "`go run` deletes this program when it ends. Build it, put it into a folder of PATH, and kubectl finds it:")
		fmt.Fprintln(s.stderr, "  go build -o ~/bin/bootstrap ./bootstrap/cmd/bootstrap")
	}
	p := s.cluster.Provider
	ask := &api.ExecConfig{
		APIVersion: clientauthentication.SchemeGroupVersion.String(), Command: program, InteractiveMode: api.NeverExecInteractiveMode,
		Args:        []string{"token", s.cluster.Name, "--provider", p.Name, "--region", p.Region, "--account", p.Account},
		InstallHint: "bootstrap makes the tokens: go build -o ~/bin/bootstrap ./bootstrap/cmd/bootstrap",
	}
	for _, name := range choosers() {
		if value := os.Getenv(name); value != "" {
			ask.Env = append(ask.Env, api.ExecEnvVar{Name: name, Value: value})
		}
	}
	for _, user := range config.AuthInfos {
		user.Token, user.Exec = "", ask
	}
	return nil
}

func newTokenCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token NAME --provider PROVIDER --region REGION",
		Short: "Print a token for the Kubernetes API, for kubectl",
		Long: `Token is what a kubeconfig of ` + "`bootstrap kubeconfig`" + ` calls. It prints an ExecCredential of Kubernetes, made with the
credentials of the cloud that are there, and needs no repository.`,
		Example: "  bootstrap token prod --provider aws --region eu-central-1",
		Args:    oneName,
		RunE: func(cmd *cobra.Command, arguments []string) error {
			return a.printToken(cmd.Context(), arguments[0])
		},
	}
	cmd.Flags().String("provider", "", "aws or gcp")
	cmd.Flags().String("region", "", "the cloud's region")
	cmd.Flags().String("account", "", "the account or project")
	return cmd
}

// oneName takes a cluster's name: there need be no repository.
func oneName(cmd *cobra.Command, arguments []string) error {
	if len(arguments) != 1 || arguments[0] == "" {
		return usage("%s takes one name: `%s NAME --provider aws --region eu-central-1`", cmd.Name(), cmd.CommandPath())
	}
	return nil
}

func (a *app) printToken(ctx context.Context, name string) error {
	c := &cluster.Cluster{Name: filepath.Base(name), Provider: cluster.Provider{
		Name: a.settings.GetString("provider"), Region: a.settings.GetString("region"), Account: a.settings.GetString("account"),
	}}
	if c.Provider.Name != cluster.AWS && c.Provider.Name != cluster.GCP {
		return usage("--provider is %q; write aws or gcp", c.Provider.Name)
	}
	if c.Provider.Name == cluster.AWS && c.Provider.Region == "" {
		return usage("--region is missing; write the cluster's, such as eu-central-1")
	}
	place, err := a.newProvider(ctx, provider.Target{Cluster: c})
	if err != nil {
		return err
	}
	bearer, ok := place.(provider.Bearer)
	if !ok {
		return fmt.Errorf("provider %s makes no tokens", c.Provider.Name)
	}
	text, until, err := bearer.Bearer(ctx)
	if err != nil {
		if hint := place.Classify(err).Hint; hint != "" {
			err = fmt.Errorf("%w\n  %s", err, hint)
		}
		return err
	}
	expires := metav1.NewTime(until)
	return json.NewEncoder(a.stdout).Encode(clientauthentication.ExecCredential{
		TypeMeta: metav1.TypeMeta{APIVersion: clientauthentication.SchemeGroupVersion.String(), Kind: "ExecCredential"},
		Status:   &clientauthentication.ExecCredentialStatus{Token: text, ExpirationTimestamp: &expires},
	})
}
