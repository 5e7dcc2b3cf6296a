package tenant

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/syncer/alertmanager"
	"github.com/opsgen/opsgen/syncer/frontdoor"
	"github.com/opsgen/opsgen/syncer/ruler"
	"github.com/opsgen/opsgen/syncer/tenantsource"
)

const kindAlertmanager = "alertmanager"

// alerting brings the Alertmanager's configuration in force.
func (a *attempt) alerting(ctx context.Context) Condition {
	wanted := a.content.Alerting
	if wanted == nil {
		return a.noAlerting(ctx)
	}
	if len(a.content.Problems) > 0 {
		return a.problems(alertmanagerType, a.content.Problems)
	}
	text, secrets, problem, err := a.expand(ctx, wanted)
	if err != nil {
		return a.unavailable(alertmanagerType, err)
	}
	if problem != nil {
		return a.problems(alertmanagerType, []tenantsource.Problem{*problem})
	}
	configuration := alertmanager.Git(text, wanted.Templates)
	outcome, err := a.alertmanager.Set(ctx, a.tenant, configuration)
	if e := frontdoor.As(err); e != nil {
		// The error is replaced as a whole: the texts around it were made with the answer as it came.
		err = &frontdoor.Error{Status: e.Status, Message: secrets.Redact(e.Message), RetryAfter: e.RetryAfter}
		if e.Refused() {
			message := "Cortex refuses it: " + secrets.Redact(e.Message) + "; the configuration before stays in force"
			return a.problems(alertmanagerType, []tenantsource.Problem{{Object: wanted.Object, Reason: reasonRefused, Message: message}})
		}
	}
	if err != nil {
		return a.unavailable(alertmanagerType, err)
	}
	a.measures.objects.WithLabelValues(a.tenant, kindAlertmanager).Set(1)
	sum := digest(configuration)
	written := outcome == alertmanager.Stored
	if written {
		a.measures.writes.WithLabelValues(kindAlertmanager, "store").Inc()
	}
	if written && a.state.stored == sum {
		a.measures.drift.WithLabelValues(a.tenant, kindAlertmanager).Inc()
		a.notes.add(wanted.Object, warning, reasonReverted, "the Alertmanager's configuration was changed through the API; it is as in Git again")
	}
	a.notes.well(wanted.Object, "the Alertmanager's configuration is in force", written)
	a.state.stored = sum
	return holds(alertmanagerType, reasonSynced, "the configuration of %s is in force, with %s", wanted.Object, plural(len(secrets), "secret"))
}

// expand puts secrets into a configuration. A problem is what a person must solve; an error may go away by itself.
func (a *attempt) expand(ctx context.Context, wanted *tenantsource.Alerting) (string, alertmanager.Secrets, *tenantsource.Problem, error) {
	var failed error
	missing := false
	text, secrets, err := alertmanager.Expand(wanted.Text, func(name, key string) (string, error) {
		value, err := a.source.Secret(ctx, wanted.Object.Namespace, name, key)
		var unusable *tenantsource.SecretError
		if errors.As(err, &unusable) {
			missing = true
		} else if err != nil {
			failed = err
		}
		return value, err
	})
	switch {
	case failed != nil:
		return "", nil, nil, failed
	case err == nil:
		return text, secrets, nil, nil
	}
	reason := tenantsource.Invalid
	if missing {
		reason = tenantsource.SecretMissing
	}
	message := "alertmanager.yaml: " + strings.ReplaceAll(err.Error(), "\n", "; ") + "; the configuration before stays in force"
	return "", nil, &tenantsource.Problem{Object: wanted.Object, Reason: reason, Message: message}, nil
}

// noAlerting gives a tenant without a configuration one that notifies nobody.
func (a *attempt) noAlerting(ctx context.Context) Condition {
	a.measures.objects.WithLabelValues(a.tenant, kindAlertmanager).Set(0)
	a.state.stored = ""
	outcome, err := a.alertmanager.Default(ctx, a.tenant)
	if err != nil {
		return a.unavailable(alertmanagerType, err)
	}
	if outcome == alertmanager.Stored {
		a.measures.writes.WithLabelValues(kindAlertmanager, "default").Inc()
	}
	if outcome == alertmanager.Foreign {
		return holds(alertmanagerType, reasonForeign, "there is no alertmanager.yaml in Git; the configuration that somebody made through the API is left alone")
	}
	return holds(alertmanagerType, reasonDefault, "there is no alertmanager.yaml in Git: alerts are shown and nobody is told")
}

// rules brings the rules of one ruler in force.
func (a *attempt) rules(ctx context.Context, api *ruler.API, kind ruler.Kind, named string, rules *tenantsource.Rules) Condition {
	label := string(kind) + "_rules"
	want := ruler.Wanted{Prefix: a.prefix(kind), Namespaces: rules.Namespaces, Partly: len(rules.Problems) > 0}
	out, err := api.Sync(ctx, a.tenant, want, a.state.memory[kind])
	for _, c := range out.Changes {
		a.changedRule(label, rules, c)
	}
	problems := rules.Problems
	for _, r := range out.Refused {
		problems = append(problems, tenantsource.Problem{
			Object: rules.From[r.Namespace], Reason: reasonRefused, Message: fmt.Sprintf("group %q is refused: %s", r.Group, r.Message),
		})
	}
	groups := -len(out.Refused)
	for _, g := range rules.Namespaces {
		groups += len(g)
	}
	if err == nil {
		a.measures.objects.WithLabelValues(a.tenant, label).Set(float64(groups))
	}
	a.again = a.again || out.Again
	switch {
	case len(problems) > 0:
		if err != nil && a.failure == nil {
			a.failure = err
		}
		return a.problems(named, problems)
	case err != nil:
		return a.unavailable(named, err)
	}
	for _, o := range rules.Objects {
		written := slices.ContainsFunc(out.Changes, func(c ruler.Change) bool { return rules.From[c.Namespace] == o })
		a.notes.well(o, "its rules are in force", written)
	}
	return holds(named, reasonSynced, "%s of %s are in force", plural(groups, "rule group"), plural(len(rules.Objects), "object"))
}

func (a *attempt) changedRule(label string, rules *tenantsource.Rules, c ruler.Change) {
	operation := "store"
	if c.Removed {
		operation = "remove"
	}
	a.measures.writes.WithLabelValues(label, operation).Inc()
	a.Log.Info("rules changed", "tenant", a.tenant, "kind", label, "operation", operation, "namespace", c.Namespace, "group", c.Group, "drift", c.Foreign)
	if !c.Foreign {
		return
	}
	a.measures.drift.WithLabelValues(a.tenant, label).Inc()
	if from, known := rules.From[c.Namespace]; known {
		a.notes.add(from, warning, reasonReverted, fmt.Sprintf("rule group %q of %s was changed through the API; it is as in Git again", c.Group, c.Namespace))
	}
}

// problems notes each problem at its object.
func (a *attempt) problems(kind string, problems []tenantsource.Problem) Condition {
	for _, p := range problems {
		a.notes.add(p.Object, warning, p.Reason, p.Message)
	}
	return broken(kind, problems)
}

func digest(c alertmanager.Configuration) string {
	text, err := yaml.Marshal(c)
	if err != nil { // cannot be: it is text
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}
