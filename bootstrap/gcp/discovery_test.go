package gcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// discovery is a document in which Google describes one of its services: it lies beside the client made of it.
type discovery struct {
	RootURL     string `json:"rootUrl"`
	ServicePath string `json:"servicePath"`
	Parameters  map[string]*schema
	Schemas     map[string]*schema
	Resources   map[string]*collection
	methods     []*method
}

type collection struct {
	Methods   map[string]*method
	Resources map[string]*collection
}

type method struct {
	ID                string
	HTTPMethod        string `json:"httpMethod"`
	Path, FlatPath    string
	Parameters        map[string]*schema
	Request, Response struct {
		Ref string `json:"$ref"`
	}
	MediaUpload struct {
		Protocols struct{ Simple struct{ Path string } }
	}
	pattern, upload *regexp.Regexp
}

// schema is what a value must be.
type schema struct {
	Type, Format, Location string
	Description            string
	Ref                    string `json:"$ref"`
	Required, ReadOnly     bool
	Enum                   []string
	Properties             map[string]*schema
	Items                  *schema
	AdditionalProperties   *schema
	Annotations            struct{ Required []string }
}

// readDiscovery reads the documents of all services that are spoken to, by host.
func readDiscovery(t *testing.T) map[string]*discovery {
	t.Helper()
	services := []string{
		"cloudkms/v1", "cloudresourcemanager/v3", "compute/v1", "container/v1", "dns/v1", "iam/v1", "serviceusage/v1", "storage/v1",
	}
	command := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "google.golang.org/api/googleapi") //nolint:gosec // the compiler's own tool
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	documents := map[string]*discovery{}
	for _, service := range services {
		name, _, _ := strings.Cut(service, "/")
		data, err := os.ReadFile(filepath.Join(root, service, name+"-api.json"))
		if err != nil {
			t.Fatal(err)
		}
		d := &discovery{}
		if err := json.Unmarshal(data, d); err != nil {
			t.Fatal(err)
		}
		d.collect(&collection{Resources: d.Resources})
		documents[strings.Trim(strings.TrimPrefix(d.RootURL, "https://"), "/")] = d
	}
	return documents
}

func (d *discovery) collect(c *collection) {
	for _, m := range c.Methods {
		path := m.FlatPath
		if path == "" {
			path = m.Path
		}
		m.pattern = pattern("/" + d.ServicePath + path)
		if upload := m.MediaUpload.Protocols.Simple.Path; upload != "" {
			m.upload = pattern(upload)
		}
		d.methods = append(d.methods, m)
	}
	for _, inner := range c.Resources {
		d.collect(inner)
	}
}

var placeholder = regexp.MustCompile(`\\\{[^}]*\\\}`)

func pattern(path string) *regexp.Regexp {
	return regexp.MustCompile("^" + placeholder.ReplaceAllString(regexp.QuoteMeta(path), "[^/:]+") + "$")
}

// method is the one that a request is for; nil when Google knows none.
func (d *discovery) method(r *http.Request) *method {
	for _, m := range d.methods {
		path := r.URL.EscapedPath()
		if m.HTTPMethod == r.Method && (m.pattern.MatchString(path) || m.upload != nil && m.upload.MatchString(path)) {
			return m
		}
	}
	return nil
}

// checked holds each call and each answer against the documents.
type checked struct {
	next      http.RoundTripper
	documents map[string]*discovery

	mu       sync.Mutex
	used     map[string]bool
	problems []string
}

// RoundTrip implements http.RoundTripper.
func (c *checked) RoundTrip(r *http.Request) (*http.Response, error) {
	d := c.documents[r.URL.Host]
	if d == nil { // tokens
		return c.next.RoundTrip(r)
	}
	m := d.method(r)
	if m == nil {
		c.problem("%s %s: there is no such method", r.Method, r.URL)
		return c.next.RoundTrip(r)
	}
	sent, err := c.request(d, m, r)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	answer, err := c.next.RoundTrip(r)
	if err != nil || answer.StatusCode != http.StatusOK || r.URL.Query().Get("alt") == "media" {
		return answer, err
	}
	got, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(got))
	c.value(d, "the fake's answer to "+m.ID, "", &schema{Ref: m.Response.Ref}, decoded(got), false)
	return answer, nil
}

func (c *checked) request(d *discovery, m *method, r *http.Request) ([]byte, error) {
	c.mu.Lock()
	c.used[m.ID] = true
	c.mu.Unlock()
	query := r.URL.Query()
	for name := range query {
		if m.Parameters[name] == nil && d.Parameters[name] == nil && name != "uploadType" {
			c.problem("%s: there is no parameter %s", m.ID, name)
		}
	}
	for name, p := range m.Parameters {
		if p.Required && p.Location == "query" && !query.Has(name) {
			c.problem("%s: the parameter %s is missing", m.ID, name)
		}
	}
	var sent []byte
	var err error
	if r.Body != nil {
		sent, err = io.ReadAll(r.Body)
	}
	if err != nil || strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return sent, err
	}
	if len(sent) > 0 {
		c.value(d, m.ID, m.ID, &schema{Ref: m.Request.Ref}, decoded(sent), true)
	}
	return sent, nil
}

func decoded(data []byte) any {
	var value any
	if json.Unmarshal(data, &value) != nil {
		return nil
	}
	return value
}

func (c *checked) problem(format string, a ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if text := fmt.Sprintf(format, a...); !slices.Contains(c.problems, text) {
		c.problems = append(c.problems, text)
	}
}

// value holds a value against its schema. What is sent must not hold fields that only Google writes.
func (c *checked) value(d *discovery, where, method string, s *schema, value any, sent bool) {
	if s.Ref != "" {
		if d.Schemas[s.Ref] == nil {
			c.problem("%s: there is no schema %s", where, s.Ref)
			return
		}
		s = d.Schemas[s.Ref]
	}
	switch v := value.(type) {
	case map[string]any:
		c.object(d, where, method, s, v, sent)
	case []any:
		if s.Type != "array" {
			c.problem("%s is a list, want %s", where, s.Type)
			return
		}
		for _, item := range v {
			c.value(d, where+"[]", method, s.Items, item, sent)
		}
	case string:
		if s.Type != "string" && s.Type != "any" {
			c.problem("%s is the text %q, want %s", where, v, s.Type)
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			c.problem("%s: %q is none of %v", where, v, s.Enum)
		}
	case bool:
		if s.Type != "boolean" {
			c.problem("%s is %t, want %s", where, v, s.Type)
		}
	case float64:
		if s.Type != "integer" && s.Type != "number" {
			c.problem("%s is %v, want %s", where, v, s.Type)
		}
	}
}

func (c *checked) object(d *discovery, where, method string, s *schema, object map[string]any, sent bool) {
	if s.Type != "object" {
		c.problem("%s is an object, want %s", where, s.Type)
		return
	}
	for name, inner := range object {
		field := s.Properties[name]
		if field == nil {
			field = s.AdditionalProperties
		}
		if field == nil {
			c.problem("%s has no field %s", where, name)
			continue
		}
		if sent && field.ReadOnly {
			c.problem("%s.%s is written by Google only", where, name)
		}
		c.value(d, where+"."+name, method, field, inner, sent)
	}
	for name, field := range s.Properties {
		// Newer services say it in words only.
		needed := slices.Contains(field.Annotations.Required, method) || strings.HasPrefix(field.Description, "Required.")
		if sent && needed && object[name] == nil {
			c.problem("%s.%s is missing", where, name)
		}
	}
}
