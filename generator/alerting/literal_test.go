package alerting_test

import (
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/alerting"
)

func TestLiteralSecretsAreFound(t *testing.T) {
	// Put together here, so that nobody's scanner takes this file for a leak.
	x := func(n int) string { return strings.Repeat("aB3", n)[:n] }
	hex := strings.Repeat("0123456789abcdef", 2)
	for text, want := range map[string]string{
		"-----BEGIN " + "RSA PRIVATE KEY-----":                         "a private key",
		"-----BEGIN " + "PRIVATE KEY-----":                             "a private key",
		"-----BEGIN " + "OPENSSH PRIVATE KEY-----":                     "a private key",
		"url: https://user:" + x(8) + "@example.com/":                  "a URL with a password",
		"dsn = postgres://u:" + x(8) + "@db:5432/x":                    "a URL with a password",
		"https://hooks.slack.com/" + "services/T0/B0/" + x(20):         "a hook URL of Slack",
		"x" + "oxb-" + "123456789012-" + x(20):                         "a token of Slack",
		"https://discord.com/api/" + "webhooks/123456/" + x(40):        "a hook URL of Discord",
		"https://acme.webhook." + "office.com/webhookb2/" + x(36):      "a hook URL of Microsoft Teams",
		"https://a.logic." + "azure.com/workflows/x?sp=1&sig=" + x(40): "a hook URL of Microsoft Teams",
		"routing_key: " + x(32):                                        "a key of PagerDuty",
		`"service_key": "` + hex + `"`:                                 "a key of PagerDuty",
		"AK" + "IA" + "ABCDEFGHIJKLMNOP":                               "a key of AWS",
		"aws_secret_access_key = " + x(40):                             "a secret key of AWS",
		"gh" + "p_" + x(36):                                            "a token of GitHub",
		"glp" + "at-" + x(20):                                          "a token of GitLab",
		"AI" + "za" + x(35):                                            "a key of Google",
		"gl" + "sa_" + x(32):                                           "a token of Grafana",
		"123456789" + ":AA" + x(33):                                    "a token of a Telegram bot",
		"api_key: " + hex:                                              "a key of Datadog",
		"Authorization: Bearer " + x(30):                               "a bearer token",
		"ey" + "J" + x(20) + ".ey" + "J" + x(20) + "." + x(20):         "a bearer token",
	} {
		problems := alerting.Literals("tenants/a/rules/a.yaml", []byte("# one\n  "+text+"\n"))
		if len(problems) != 1 || problems[0].Message != want+" is written out" || problems[0].Line != 2 {
			t.Errorf("%s: got %v", text, problems)
		}
		for _, p := range problems {
			if strings.Contains(p.Error(), x(8)) || strings.Contains(p.Error(), hex) {
				t.Errorf("the message repeats the secret: %v", p)
			}
		}
	}
}

func TestWhatIsNoSecretIsNotRefused(t *testing.T) {
	for _, text := range []string{
		"url: https://example.com/a:b@c", "runbook_url: https://wiki.example.com/x?y=z#a", "https://user@example.com/", "https://user:${secret:a/b}@example.com/",
		"routing_key: ${secret:pagerduty/key}", "expr: rate(http_requests_total{key=\"a\"}[5m])", "summary: the bearer of bad news", "token: ${secret:a/b}",
		"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "-----BEGIN CERTIFICATE-----", "12:30:00", "a private key is missing", `"uid": "AbCdEfGhIjKlMnOpQrStUvWxYz012345"`,
		"Authorization: Bearer <token>", "http://cortex-query-frontend.cortex.svc:8080/prometheus",
	} {
		if problems := alerting.Literals("a.yaml", []byte(text)); len(problems) > 0 {
			t.Errorf("%s: %v", text, problems)
		}
	}
	if problems := alerting.Literals(file, read(t, "alertmanager.yaml")); len(problems) > 0 {
		t.Errorf("the example: %v", problems)
	}
}
