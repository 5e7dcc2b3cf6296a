package tenant

import (
	"io"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"

	"github.com/opsgen/opsgen/syncer/tenantsource"
)

const (
	value  = "https://hooks.example.com/T0P-S3CRET-token"
	hooked = "route: {receiver: oncall}\nreceivers:\n  - name: oncall\n    slack_configs:\n      - api_url: ${secret:chat/url}\n"
)

func hookedMap() *core.ConfigMap {
	return configMap("alerting", "opsgen.dev/alertmanager=true", map[string]string{"alertmanager.yaml": hooked})
}

// silent checks that the secret is in no place where people look.
func (b *bed) silent(t *testing.T) {
	t.Helper()
	var status core.ConfigMap
	_ = b.Get(t.Context(), statusKey(), &status)
	told := strings.Join(b.told(), "\n")
	for where, text := range map[string]string{"log": b.log.String(), "status": status.Data["conditions"] + status.Data["summary"], "events": told} {
		if strings.Contains(text, "S3CRET") {
			t.Errorf("the secret is in the %s: %s", where, text)
		}
	}
}

func TestSecretsAreExpandedAndToldToNobody(t *testing.T) {
	b := newBed(t, namespace(), hookedMap(), secret("chat", core.SecretTypeOpaque, map[string]string{"url": value + "\n"}))
	b.run(t)
	if text := b.alerting(); !strings.Contains(text, value) || strings.Contains(text, "${secret") {
		t.Errorf("the Alertmanager holds %q", text)
	}
	b.expect(t, alertmanagerType, "True", reasonSynced, "with 1 secret")
	b.silent(t)
	b.Lock()
	b.Refuse["T0P"] = `yaml: unmarshal errors: line 5: cannot unmarshal !!str ` + "`https:/...`" + ` unsupported scheme "` + value + `"`
	delete(b.Alerting, "payments")
	b.Unlock()
	b.run(t)
	b.expect(t, alertmanagerType, "False", reasonRefused, "${secret:chat/url}")
	b.silent(t)
}

func TestAMissingSecretKeepsWhatIsInForce(t *testing.T) {
	for name, test := range map[string]struct {
		secret *core.Secret
		says   string
	}{
		"no Secret":                 {nil, "secret tenant-payments/chat is missing"},
		"no key":                    {secret("chat", core.SecretTypeOpaque, map[string]string{"other": "x"}), "has no key url"},
		"an empty value":            {secret("chat", core.SecretTypeOpaque, map[string]string{"url": ""}), "has no key url"},
		"a service account's token": {secret("chat", core.SecretTypeServiceAccountToken, map[string]string{"url": "x"}), "only secrets of type Opaque"},
		"a certificate's key":       {secret("chat", core.SecretTypeTLS, map[string]string{"url": "x"}), "only secrets of type Opaque"},
		"one that the syncer made": {func() *core.Secret {
			s := secret("chat", core.SecretTypeOpaque, map[string]string{"url": "x"})
			s.Labels = map[string]string{"app.kubernetes.io/managed-by": "opsgen-syncer"}
			return s
		}(), "is the platform's"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, namespace(), hookedMap(), rulesMap(map[string]string{"base.yaml": oneRule}))
			if test.secret != nil {
				if err := b.Create(t.Context(), test.secret); err != nil {
					t.Fatal(err)
				}
			}
			b.Alerting["payments"] = map[string]any{"alertmanager_config": "the one before"}
			result := b.run(t)
			if b.alerting() != "the one before" {
				t.Errorf("the Alertmanager holds %q", b.alerting())
			}
			b.expect(t, alertmanagerType, "False", tenantsource.SecretMissing, test.says)
			b.expect(t, metricsType, "True", reasonSynced, "")
			if !near(result.RequeueAfter, missingSecret) {
				t.Errorf("it is looked for again after %s", result.RequeueAfter)
			}
			if got := b.told(); len(got) != 2 || !strings.Contains(got[0], test.says) {
				t.Errorf("events: %q", got)
			}
		})
	}
}

func TestASecretThatCannotBeReadIsNotMissing(t *testing.T) {
	b := newBed(t, namespace(), hookedMap(), secret("chat", core.SecretTypeOpaque, map[string]string{"url": value}))
	b.run(t)
	before := b.alerting()
	b.broken = io.ErrUnexpectedEOF
	a := &attempt{Syncer: b.syncer, tenant: "payments", state: b.syncer.state("payments")}
	a.content.Alerting = &tenantsource.Alerting{Object: tenantsource.Object{Kind: "ConfigMap", Namespace: place, Name: "alerting"}, Text: hooked}
	if c := a.alerting(t.Context()); c.Reason != reasonUnavailable || a.failure == nil || b.alerting() != before {
		t.Errorf("the condition is %+v", c)
	}
}

func TestATenantWithoutAConfigurationGetsOneThatTellsNobody(t *testing.T) {
	b := newBed(t, namespace())
	b.run(t)
	if !strings.Contains(b.alerting(), "receiver: nobody") {
		t.Errorf("the Alertmanager holds %q", b.alerting())
	}
	b.expect(t, alertmanagerType, "True", reasonDefault, "nobody is told")
	if err := b.Create(t.Context(), configMap("alerting", "opsgen.dev/alertmanager=true", map[string]string{"alertmanager.yaml": "route: {receiver: a}"})); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	if !strings.Contains(b.alerting(), "receiver: a") {
		t.Errorf("the Alertmanager holds %q after the tenant wrote one", b.alerting())
	}
	if err := b.Delete(t.Context(), configMap("alerting", "a=b", nil)); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	if !strings.Contains(b.alerting(), "receiver: nobody") {
		t.Errorf("the Alertmanager holds %q after the tenant removed its own", b.alerting())
	}
}

func TestAPersonsConfigurationIsLeftAlone(t *testing.T) {
	b := newBed(t, namespace())
	b.Alerting["payments"] = map[string]any{"alertmanager_config": "route: {receiver: mine}"}
	b.run(t)
	b.expect(t, alertmanagerType, "True", reasonForeign, "left alone")
	if b.alerting() != "route: {receiver: mine}" {
		t.Errorf("the Alertmanager holds %q", b.alerting())
	}
	if err := b.Delete(t.Context(), namespace()); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	if b.alerting() != "route: {receiver: mine}" {
		t.Errorf("the Alertmanager holds %q after the removal", b.alerting())
	}
}

func TestMistakesInAConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		data         map[string]string
		reason, says string
	}{
		"no file":               {map[string]string{"a.tmpl": "x"}, tenantsource.Invalid, "it has no key alertmanager.yaml"},
		"something else":        {map[string]string{"alertmanager.yaml": "route: {}", "README": "x"}, tenantsource.Invalid, "README is neither"},
		"a broken reference":    {map[string]string{"alertmanager.yaml": "route: {receiver: '${secret:chat}'}"}, tenantsource.Invalid, "line 1"},
		"a reference as a name": {map[string]string{"alertmanager.yaml": "${secret:a/b}: x"}, tenantsource.Invalid, "cannot be a field's name"},
		"no YAML":               {map[string]string{"alertmanager.yaml": "route: [${secret:a/b}"}, tenantsource.Invalid, "alertmanager.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, namespace(), configMap("alerting", "opsgen.dev/alertmanager=true", test.data), secret("a", "", map[string]string{"b": "x"}))
			result := b.run(t)
			b.expect(t, alertmanagerType, "False", test.reason, test.says)
			if b.alerting() != "" {
				t.Errorf("the Alertmanager holds %q", b.alerting())
			}
			if !near(result.RequeueAfter, 5*time.Minute) {
				t.Errorf("a person's mistake is tried again after %s", result.RequeueAfter)
			}
		})
	}
}
