package alerting

import (
	"bytes"
	"regexp"
	"strings"
	"sync"

	"github.com/opsgen/opsgen/generator/document"
)

// form is how the secrets of one kind look.
type form struct {
	what string
	// sign is in every line with such a secret, in lower case: most lines are done after a search for it.
	sign    string
	pattern *regexp.Regexp
}

// forms are secrets that can be told from any other text by their looks alone. The threat: what was once in Git is in
// every clone, and in every mail about the change, for ever.
var forms = sync.OnceValue(func() []form {
	f := func(what, sign, pattern string) form { return form{what, sign, regexp.MustCompile(pattern)} }
	return []form{
		f("a private key", "private key", `-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----`),
		f("a URL with a password", "://", `(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@"'<>{}$]*:[^\s/@"'<>{}$]+@[^\s@]`),
		f("a hook URL of Slack", "hooks.slack.com", `hooks\.slack\.com/(services|workflows|triggers)/[A-Za-z0-9_/]{8,}`),
		f("a token of Slack", "xox", `\bxox[abeoprs]-[A-Za-z0-9-]{10,}`),
		f("a token of Slack", "xapp-", `\bxapp-[0-9]-[A-Za-z0-9-]{10,}`),
		f("a hook URL of Discord", "discord", `discord(app)?\.com/api/webhooks/[0-9]+/[A-Za-z0-9_-]{20,}`),
		f("a hook URL of Microsoft Teams", "webhook.office.com", `webhook\.office\.com/webhookb2/[A-Za-z0-9@-]{20,}`),
		f("a hook URL of Microsoft Teams", "sig=", `(logic\.azure\.com|powerplatform\.com)\S*[?&]sig=[A-Za-z0-9%_-]{20,}`),
		f("a key of PagerDuty", "events.pagerduty.com/integration", `events\.pagerduty\.com/integration/[0-9a-zA-Z]{20,}`),
		f("a key of PagerDuty", "key", `(?i)\b(routing|service|integration)_?key["']?\s*[:=]\s*["']?[0-9a-zA-Z]{32}\b`),
		f("a key of AWS", "a", `\b(AKIA|ASIA)[A-Z2-7]{16}\b`),
		f("a secret key of AWS", "secret", `(?i)\b(aws_)?secret(_access)?_key["']?\s*[:=]\s*["']?[A-Za-z0-9/+]{40}(["'\s]|$)`),
		f("a token of GitHub", "gh", `\bgh[oprsu]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}`),
		f("a token of GitLab", "glpat-", `\bglpat-[A-Za-z0-9_-]{20,}`),
		f("a key of Google", "aiza", `\bAIza[0-9A-Za-z_-]{35}`),
		f("a token of Grafana", "gl", `\bgl(sa|c)_[A-Za-z0-9+/=_]{32,}`),
		f("a token of a Telegram bot", ":", `\b[0-9]{8,10}:AA[A-Za-z0-9_-]{33}\b`),
		f("a key of SendGrid", "sg.", `\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`),
		f("a key of Stripe", "k_live_", `\b[rs]k_live_[A-Za-z0-9]{20,}`),
		f("a key of Datadog", "key", `(?i)\b(dd[-_])?(api|app|application)[-_]?key["']?\s*[:=]\s*["']?([0-9a-f]{32}|[0-9a-f]{40})\b`),
		f("a bearer token", "eyj", `\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}`),
		f("a bearer token", "bearer", `(?i)\bbearer(_token)?["']?\s*[: ]\s*["']?[A-Za-z0-9_~+/.-]{20,}=*(["'\s]|$)`),
	}
})

// Literals finds secrets that are written out in a file of any kind: private keys, tokens and hook URLs of well-known
// services, URLs with a password. The messages never repeat the secret.
func Literals(file string, data []byte) document.Problems {
	var problems document.Problems
	known := forms()
	whole := bytes.ToLower(data)
	var present []form
	for _, f := range known {
		if bytes.Contains(whole, []byte(f.sign)) {
			present = append(present, f)
		}
	}
	if len(present) == 0 {
		return nil
	}
	for i, line := range strings.Split(string(data), "\n") {
		lower := strings.ToLower(line)
		for _, f := range present {
			if !strings.Contains(lower, f.sign) {
				continue
			}
			place := f.pattern.FindStringIndex(line)
			if place == nil || strings.Contains(line[place[0]:place[1]], referenceStart) {
				continue
			}
			problems = append(problems, document.Problem{
				File: file, Line: i + 1, Column: place[0] + 1, Message: f.what + " is written out",
				Hint: "Take it out of Git and revoke it; put a new one into a Secret and write ${secret:NAME/KEY} in alertmanager.yaml.",
			})
			break // one for a line is enough
		}
	}
	return problems
}
