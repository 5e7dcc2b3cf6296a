package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"

	"github.com/opsgen/opsgen/generator/alerting"
	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/tenant"
)

func newAlertCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alert",
		Short: "Ask a tenant's alerting who would be called",
		Long:  "Alert asks what a tenant's alertmanager.yaml would do, without a cluster.",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	route := &cobra.Command{
		Use:   "route TENANT [LABEL=VALUE...]",
		Short: "Show who would be called for an alert with these labels",
		Long: `Route shows the way of an alert through the tree of routes in tenants/<name>/alertmanager.yaml: each receiver that
is called, through which routes, how alerts are grouped, when it is called again, and whether the route is silent at
the time. Labels are those that the alert would have, those of the rule and of the series: alertname as well.`,
		Example: `  opsgen alert route payments severity=page
  opsgen alert route payments alertname=Slow severity=warning team=db
  opsgen alert route payments severity=warning --at 2026-12-24T03:00:00Z
  opsgen alert route payments severity=page -o json | jq -r .receivers[].name`,
		Args: func(cmd *cobra.Command, given []string) error {
			if len(given) == 0 {
				return oneArgument("a tenant")(cmd, given)
			}
			return nil
		},
		ValidArgsFunction: a.completeAlert,
		RunE:              func(_ *cobra.Command, words []string) error { return a.alertRoute(words[0], words[1:]) },
	}
	route.Flags().String("at", "", "a time, such as 2026-12-24T03:00:00Z, for routes that are silent at times (default: now)")
	cmd.AddCommand(route)
	return cmd
}

// routed is the answer for a machine.
type routed struct {
	Tenant    string            `json:"tenant"`
	Labels    map[string]string `json:"labels"`
	At        time.Time         `json:"at"`
	Receivers []routedReceiver  `json:"receivers"`
}

type routedReceiver struct {
	alerting.Receiver
	// Silent says that nobody is called at the time, because of these time intervals.
	Silent  bool     `json:"silent"`
	Because []string `json:"silentBecause,omitempty"`
}

func (a *app) alertRoute(name string, pairs []string) error {
	labels, err := alertLabels(pairs)
	if err != nil {
		return err
	}
	at := time.Now().UTC().Truncate(time.Second)
	if given := a.settings.GetString("at"); given != "" {
		if at, err = time.Parse(time.RFC3339, given); err != nil {
			return usage("--at is %q; write a time such as 2026-12-24T03:00:00Z", given)
		}
	}
	root, err := a.root()
	if err != nil {
		return err
	}
	config, err := alertingOf(root, name)
	if err != nil {
		return err
	}
	result := routed{Tenant: name, Labels: labels, At: at}
	for _, r := range alerting.Route(config, labels) {
		silent, because := config.Silent(r, at)
		result.Receivers = append(result.Receivers, routedReceiver{r, silent, because})
	}
	if a.json() {
		return a.writeJSON(result)
	}
	a.printRoute(result)
	return nil
}

func alertLabels(pairs []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		switch _, twice := labels[name]; {
		case !ok || !model.LegacyValidation.IsValidLabelName(name):
			return nil, usage("%q is no label; write name=value, such as severity=page", pair)
		case twice:
			return nil, usage("the label %q is given twice", name)
		}
		labels[name] = value
	}
	return labels, nil
}

// alertingOf reads the alerting configuration of a tenant.
func alertingOf(root, name string) (*alerting.Config, error) {
	folder := filepath.Join(root, "tenants", name)
	if tenant.CheckName(name) != nil || !isFolder(folder) {
		return nil, usage("%s", noTenant(root, name))
	}
	shown := "tenants/" + name + "/" + tenant.AlertmanagerFile
	data, err := os.ReadFile(filepath.Join(folder, tenant.AlertmanagerFile))
	if os.IsNotExist(err) {
		return nil, document.Problems{{File: shown, Message: "is not there: the tenant's alerts call nobody", Hint: "docs/rules.md says how to write it."}}
	}
	if err != nil {
		return nil, err
	}
	templates := map[string][]byte{}
	files, err := filepath.Glob(filepath.Join(folder, tenant.TemplatesFolder, "*.tmpl"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if templates[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			return nil, err
		}
	}
	config, problems, _ := alerting.Parse(shown, data, templates)
	return config, problems.Err()
}

func (a *app) printRoute(r routed) {
	for i, receiver := range r.Receivers {
		if i > 0 {
			fmt.Fprintln(a.stdout)
		}
		fmt.Fprintf(a.stdout, "%s   %s\n", receiver.Name, kindsOf(receiver.Integrations))
		for depth, matchers := range receiver.Path {
			mark := "└─ "
			if depth == 0 {
				mark, matchers = "", "root"
			} else if matchers == "{}" {
				matchers = "everything"
			}
			fmt.Fprintf(a.stdout, "  %s%s%s\n", strings.Repeat("   ", max(0, depth-1)), mark, matchers)
		}
		fmt.Fprintf(a.stdout, "  grouped by %s\n", groupedBy(receiver.GroupBy))
		fmt.Fprintf(a.stdout, "  first after %s, news of the group after %s, again after %s\n", receiver.GroupWait, receiver.GroupInterval, receiver.RepeatInterval)
		if len(receiver.Muted) > 0 {
			fmt.Fprintf(a.stdout, "  silent during %s\n", strings.Join(receiver.Muted, ", "))
		}
		if len(receiver.Active) > 0 {
			fmt.Fprintf(a.stdout, "  silent except during %s\n", strings.Join(receiver.Active, ", "))
		}
		if receiver.Silent {
			fmt.Fprintf(a.stdout, "  SILENT at %s\n", r.At.Format(time.RFC3339))
		}
		if receiver.Default {
			fmt.Fprintln(a.stdout, "  no route takes this alert: it goes to the root's receiver")
		}
	}
}

func kindsOf(integrations []string) string {
	if len(integrations) == 0 {
		return "calls nobody"
	}
	return strings.Join(integrations, ", ")
}

func groupedBy(labels []string) string {
	switch {
	case len(labels) == 0:
		return "nothing: all alerts of the route are one notification"
	case slices.Equal(labels, []string{"..."}):
		return "every label: each alert is a notification of its own"
	}
	return strings.Join(labels, ", ")
}

// completeAlert completes the tenant, then labels that its routes know.
func (a *app) completeAlert(cmd *cobra.Command, given []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(given) == 0 {
		return a.completeTenant(cmd, given, word)
	}
	if err := a.load(cmd); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	root, err := a.root()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	config, err := alertingOf(root, given[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var pairs []string
	for _, label := range config.Labels() {
		if slices.ContainsFunc(given[1:], func(pair string) bool { return strings.HasPrefix(pair, label+"=") }) {
			continue
		}
		for _, value := range config.Values(label) {
			pairs = append(pairs, label+"="+value)
		}
	}
	return pairs, cobra.ShellCompDirectiveNoFileComp
}
