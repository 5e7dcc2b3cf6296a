package login

import (
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/route"
)

// RequestIDHeader is the header of an answer that names the request. Errors for scripts repeat what it holds.
const RequestIDHeader = "X-Request-Id"

// page is all that people see of the proxy. Nothing in it comes from a request but names of known tenants and an error
// code of the provider, and the template escapes both.
type page struct {
	Status         int
	Title, Text    string
	Groups         []string
	Link, LinkText string
	Post, PostText string
	RetryAfter     string
}

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:34em;margin:12vh auto;padding:0 1em;color:#222;background:#fff}` +
	`h1{font-size:1.4em}code{background:#eee;padding:.1em .3em}a,button{font:inherit;color:#0b57d0}`

// layout has its style inside, and nothing from anywhere else. style is a constant and no input, so that it is no danger
// in template.CSS.
var layout = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Title}}</title><style>` + style + `</style></head>
<body><h1>{{.Title}}</h1><p>{{.Text}}</p>
{{- if .Groups}}<ul>{{range .Groups}}<li><code>{{.}}</code></li>{{end}}</ul>{{end}}
{{- if .Post}}<form method="post" action="{{.Post}}"><button>{{.PostText}}</button></form>{{end}}
{{- if .Link}}<p><a href="{{.Link}}">{{.LinkText}}</a></p>{{end}}
</body></html>
`))

// policy lets a page show its own style and send its own form, and nothing else. It cannot be framed, so that nobody is
// tricked into clicking.
var policy = func() string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

func (l *Login) show(w http.ResponseWriter, p page) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Cache-Control", "no-store")
	// Not no-referrer: a form's Origin would then be null, and look foreign.
	header.Set("Referrer-Policy", "same-origin")
	if p.RetryAfter != "" {
		header.Set("Retry-After", p.RetryAfter)
	}
	w.WriteHeader(p.Status)
	if err := layout.Execute(w, p); err != nil {
		l.log.Debug("write a page", "error", err)
	}
}

// writeJSON answers a script as Grafana does, with the request's ID where the server gave it one.
func writeJSON(w http.ResponseWriter, r *http.Request, status int, message string) {
	route.FormatError(w, r, route.GrafanaUI, status, message, w.Header().Get(RequestIDHeader))
}

// forbidden says which groups would do. Names of groups are no secret to somebody whom the provider knows.
func forbidden(tenant config.Tenant, logout string) page {
	p := page{Status: http.StatusForbidden, Title: "No access to " + tenant.Name}
	if logout != "" {
		p.Link, p.LinkText = logout, "Log out"
	}
	if tenant.Grafana != nil {
		for _, rank := range ranks(tenant.Grafana) {
			for _, group := range rank.groups {
				p.Groups = append(p.Groups, group+" ("+string(rank.role)+")")
			}
		}
	}
	switch {
	case tenant.Grafana == nil:
		p.Text = "This tenant has no Grafana."
	case p.Groups == nil:
		p.Text = "No group of people has a role here: grafana.roles of the tenant's tenant.yaml is empty."
	default:
		p.Text = strings.Join([]string{
			"You are logged in, and in none of the groups that have a role here.",
			"Ask to be put into one, then log in again:",
		}, " ")
	}
	return p
}

func unavailable() page {
	return page{
		Status: http.StatusServiceUnavailable, Title: "The login is not available", Text: "Try again in a moment.", RetryAfter: "5",
	}
}
