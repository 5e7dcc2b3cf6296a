package alerting_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/alerting"
)

// receiver is a configuration with one receiver that has these fields.
func receiver(kind, fields string) string {
	return fmt.Sprintf("route: {receiver: a}\nreceivers:\n  - name: a\n    %s:\n      - {%s}\n", kind, fields)
}

func global(fields string) string {
	return "route: {receiver: a}\nreceivers: [{name: a}]\nglobal: {" + fields + "}\n"
}

// Every restriction of Cortex for tenants (pkg/alertmanager/api.go, v1.21.1), one by one, and http_headers' files, which
// Cortex forgets.
func TestNoTenantReadsTheAlertmanagersFiles(t *testing.T) {
	inHTTP := func(fields string) string {
		return receiver("webhook_configs", "url: 'http://a', http_config: {"+fields+"}")
	}
	for name, text := range map[string]string{
		"basic_auth.password_file":                   inHTTP("basic_auth: {password_file: /f}"),
		"basic_auth.username_file":                   inHTTP("basic_auth: {username_file: /f}"),
		"authorization.credentials_file":             inHTTP("authorization: {credentials_file: /f}"),
		"bearer_token_file":                          inHTTP("bearer_token_file: /f"),
		"oauth2.client_secret_file":                  inHTTP("oauth2: {client_secret_file: /f}"),
		"oauth2.client_certificate_key_file":         inHTTP("oauth2: {client_certificate_key_file: /f}"),
		"oauth2.tls_config.ca_file":                  inHTTP("oauth2: {tls_config: {ca_file: /f}}"),
		"tls_config.ca_file":                         inHTTP("tls_config: {ca_file: /f}"),
		"tls_config.cert_file":                       inHTTP("tls_config: {cert_file: /f}"),
		"tls_config.key_file":                        inHTTP("tls_config: {key_file: /f}"),
		"http_headers.X-A.files":                     inHTTP("http_headers: {X-A: {files: [/f]}}"),
		"global.http_config.bearer_token_file":       global("http_config: {bearer_token_file: /f}"),
		"global.smtp_tls_config.ca_file":             global("smtp_tls_config: {ca_file: /f}"),
		"global.opsgenie_api_key_file":               global("opsgenie_api_key_file: /f"),
		"global.rocketchat_token_file":               global("rocketchat_token_file: /f"),
		"global.rocketchat_token_id_file":            global("rocketchat_token_id_file: /f"),
		"global.slack_api_url_file":                  global("slack_api_url_file: /f"),
		"global.slack_app_token_file":                global("slack_app_token_file: /f"),
		"global.smtp_auth_password_file":             global("smtp_auth_password_file: /f"),
		"global.smtp_auth_secret_file":               global("smtp_auth_secret_file: /f"),
		"global.telegram_bot_token_file":             global("telegram_bot_token_file: /f"),
		"global.victorops_api_key_file":              global("victorops_api_key_file: /f"),
		"global.wechat_api_secret_file":              global("wechat_api_secret_file: /f"),
		"opsgenie_configs.api_key_file":              receiver("opsgenie_configs", "api_key_file: /f"),
		"slack_configs.api_url_file":                 receiver("slack_configs", "api_url_file: /f"),
		"slack_configs.app_token_file":               receiver("slack_configs", "app_token_file: /f"),
		"victorops_configs.api_key_file":             receiver("victorops_configs", "api_key_file: /f"),
		"pagerduty_configs.routing_key_file":         receiver("pagerduty_configs", "routing_key_file: /f"),
		"pagerduty_configs.service_key_file":         receiver("pagerduty_configs", "service_key_file: /f"),
		"webhook_configs.url_file":                   receiver("webhook_configs", "url_file: /f"),
		"pushover_configs.user_key_file":             receiver("pushover_configs", "user_key_file: /f"),
		"pushover_configs.token_file":                receiver("pushover_configs", "token_file: /f"),
		"telegram_configs.bot_token_file":            receiver("telegram_configs", "bot_token_file: /f"),
		"telegram_configs.chat_id_file":              receiver("telegram_configs", "chat_id_file: /f"),
		"msteams_configs.webhook_url_file":           receiver("msteams_configs", "webhook_url_file: /f"),
		"msteamsv2_configs.webhook_url_file":         receiver("msteamsv2_configs", "webhook_url_file: /f"),
		"rocketchat_configs.token_id_file":           receiver("rocketchat_configs", "token_id_file: /f"),
		"rocketchat_configs.token_file":              receiver("rocketchat_configs", "token_file: /f"),
		"discord_configs.webhook_url_file":           receiver("discord_configs", "webhook_url_file: /f"),
		"email_configs.auth_password_file":           receiver("email_configs", "auth_password_file: /f"),
		"email_configs.auth_secret_file":             receiver("email_configs", "auth_secret_file: /f"),
		"incidentio_configs.url_file":                receiver("incidentio_configs", "url_file: /f"),
		"incidentio_configs.alert_source_token_file": receiver("incidentio_configs", "alert_source_token_file: /f"),
		"mattermost_configs.webhook_url_file":        receiver("mattermost_configs", "webhook_url_file: /f"),
		"wechat_configs.api_secret_file":             receiver("wechat_configs", "api_secret_file: /f"),
	} {
		_, problems, _ := alerting.Parse(file, []byte(text), nil)
		if !strings.Contains(problems.Error(), name+" reads a file of the Alertmanager, which tenants may not") {
			t.Errorf("%s is not refused:\n%v", name, problems)
		}
	}
}

func TestSecretsWrittenOutAreRefused(t *testing.T) {
	const secret = "hunter2hunter2"
	inHTTP := func(fields string) string {
		return receiver("webhook_configs", "url: 'http://a', http_config: {"+fields+"}")
	}
	for name, text := range map[string]string{
		"api_url":            receiver("slack_configs", "api_url: 'https://hooks.example.com/"+secret+"'"),
		"app_token":          receiver("slack_configs", "app_token: "+secret),
		"routing_key":        receiver("pagerduty_configs", "routing_key: "+secret),
		"url":                receiver("webhook_configs", "url: 'https://example.com/"+secret+"'"),
		"auth_password":      receiver("email_configs", "to: a, auth_password: "+secret),
		"bot_token":          receiver("telegram_configs", "chat_id: 1, bot_token: "+secret),
		"token_id":           receiver("rocketchat_configs", "token_id: "+secret),
		"sigv4.secret_key":   receiver("sns_configs", "topic_arn: a, sigv4: {access_key: a, secret_key: "+secret+"}"),
		"credentials":        inHTTP("authorization: {credentials: " + secret + "}"),
		"bearer_token":       inHTTP("bearer_token: " + secret),
		"password":           inHTTP("basic_auth: {username: a, password: " + secret + "}"),
		"client_secret":      inHTTP("oauth2: {client_secret: " + secret + "}"),
		"tls_config.key":     inHTTP("tls_config: {key: " + secret + "}"),
		"X-Token.secrets":    inHTTP("http_headers: {X-Token: {secrets: [" + secret + "]}}"),
		"slack_api_url":      global("slack_api_url: 'https://hooks.example.com/" + secret + "'"),
		"smtp_auth_password": global("smtp_auth_password: " + secret),
	} {
		_, problems, _ := alerting.Parse(file, []byte(text), nil)
		message := problems.Error()
		if !strings.Contains(message, name+" is a secret, and is written out") {
			t.Errorf("%s is not refused:\n%v", name, problems)
		}
		if strings.Contains(message, secret) {
			t.Errorf("the message about %s repeats the secret:\n%s", name, message)
		}
	}
	_, problems, _ := alerting.Parse(file, []byte(global("opsgenie_api_url: 'https://a:"+secret+"@example.com'")), nil)
	if !strings.Contains(problems.Error(), "has a password in its URL") {
		t.Errorf("a password in a URL is not refused: %v", problems)
	}
}

func TestReferencesThatCannotBeReadAreRefused(t *testing.T) {
	for _, text := range []string{
		receiver("pagerduty_configs", `routing_key: "${secret:}"`),
		receiver("pagerduty_configs", `routing_key: "${secret:a}"`),
		receiver("pagerduty_configs", `routing_key: "${secret:a/b/c}"`),
		receiver("pagerduty_configs", `routing_key: "${secret:../b}"`),
		receiver("pagerduty_configs", `routing_key: "${secret:A/b}"`),
		receiver("pagerduty_configs", `routing_key: "${secret:a/b}${secret:c}"`),
		receiver("pagerduty_configs", `routing_key: "${Secret:a/b}"`),
		receiver("pagerduty_configs", `routing_key: "${secret:a/b}", details: {"${secret:a/b}": x}`),
		"route: {receiver: a, group_by: ['${secret:a/b}']}\nreceivers: [{name: a}]\n",
	} {
		if c, problems, _ := alerting.Parse(file, []byte(text), nil); c != nil || len(problems) == 0 {
			t.Errorf("not refused:\n%s", text)
		}
	}
}

// The threat: what is checked under one name, or not at all, reaches Alertmanager under another by way of YAML's aliases.
func TestAliasesHideNothing(t *testing.T) {
	const bait = "route: {receiver: a}\nreceivers:\n  - name: a\n    pagerduty_configs:\n      - routing_key: ${secret:a/b}\n        details: &x {url_file: /etc/passwd, y: &channel url_file}\n"
	for name, text := range map[string]string{
		"merged":          bait + "    webhook_configs: [{<<: *x}]\n",
		"merged as list":  bait + "    webhook_configs: [{<<: [*x]}]\n",
		"as a whole":      bait + "    webhook_configs: [*x]\n",
		"a field's name":  bait + "    slack_configs: [{*channel : /etc/passwd}]\n",
		"a binary name":   bait + "    webhook_configs: [{!!binary dXJsX2ZpbGU=: /etc/passwd}]\n",
		"with its quotes": bait + "    webhook_configs: [{\"url\\x5ffile\": /etc/passwd}]\n",
	} {
		if c, problems, _ := alerting.Parse(file, []byte(text), nil); c != nil || strings.Contains(problems.Error(), "Alertmanager says") {
			t.Errorf("%s: not refused before Alertmanager's parser:\n%v", name, problems)
		}
	}
}
