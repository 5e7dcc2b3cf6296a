package alertmanager

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/syncer/frontdoor"
)

// Configuration is what Cortex stores for a tenant. It may hold secrets: it is never logged.
type Configuration struct {
	// Text is alertmanager.yaml.
	Text string `yaml:"alertmanager_config"`
	// Templates are template files by name ("slack.tmpl").
	Templates map[string]string `yaml:"template_files,omitempty"`
}

// own begins every configuration that the syncer writes.
const own = "# Written by opsgen's syncer"

const (
	fromGit = own + " from Git: what is changed here comes back.\n"
	// nobody keeps alerts, shows them and takes silences. Without any configuration Cortex refuses them with errors.
	nobody = own + ": the tenant has no alertmanager.yaml in Git, so alerts are shown and nobody is told.\n" +
		"route:\n  receiver: nobody\nreceivers:\n  - name: nobody\n"
	// nothing is what Cortex says when a tenant has no configuration.
	nothing = "alertmanager storage object not found"
)

// Git is a configuration as it is stored.
func Git(text string, templates map[string]string) Configuration {
	return Configuration{Text: fromGit + text, Templates: templates}
}

// Nobody is the configuration of a tenant that has none: alerts are kept and shown, and nobody is notified.
func Nobody() Configuration { return Configuration{Text: nobody} }

// ours says whether the syncer wrote it.
func (c Configuration) ours() bool { return strings.HasPrefix(c.Text, own) }

func (c Configuration) equal(other Configuration) bool {
	return c.Text == other.Text && maps.Equal(c.Templates, other.Templates)
}

// Door sends a request for a tenant; frontdoor.Client does.
type Door interface {
	Do(ctx context.Context, tenant, method, path string, body []byte) ([]byte, error)
}

// API is the API of the Alertmanager's configuration.
type API struct {
	// Door leads there.
	Door Door
	// Path is the API's path behind the door ("/api/v1/alerts").
	Path string
}

// Outcome is what came of one comparison.
type Outcome int

// The outcomes.
const (
	// Unchanged: it was stored already.
	Unchanged Outcome = iota
	// Stored: it is now.
	Stored
	// Foreign: a person made it, and Git has none.
	Foreign
	// Removed: the tenant is gone, and its configuration now too.
	Removed
)

// Set makes Cortex hold a tenant's configuration from Git, whatever it held before.
func (a *API) Set(ctx context.Context, tenant string, want Configuration) (Outcome, error) {
	held, err := a.get(ctx, tenant)
	if err != nil || held != nil && held.equal(want) {
		return Unchanged, err
	}
	if err := a.post(ctx, tenant, want); err != nil {
		return Unchanged, err
	}
	return Stored, nil
}

// Default gives a tenant without a configuration in Git that of Nobody, unless a person made one through the API.
func (a *API) Default(ctx context.Context, tenant string) (Outcome, error) {
	held, err := a.get(ctx, tenant)
	switch {
	case err != nil:
		return Unchanged, err
	case held != nil && !held.ours():
		return Foreign, nil
	case held != nil && held.equal(Nobody()):
		return Unchanged, nil
	}
	if err := a.post(ctx, tenant, Nobody()); err != nil {
		return Unchanged, err
	}
	return Stored, nil
}

// Remove deletes what the syncer wrote for a tenant that is gone. Somebody else's is left alone.
func (a *API) Remove(ctx context.Context, tenant string) (Outcome, error) {
	held, err := a.get(ctx, tenant)
	if err != nil || held == nil {
		return Unchanged, err
	}
	if !held.ours() {
		return Foreign, nil
	}
	if _, err := a.Door.Do(ctx, tenant, http.MethodDelete, a.Path, nil); err != nil {
		return Unchanged, fmt.Errorf("remove the Alertmanager's configuration: %w", err)
	}
	return Removed, nil
}

func (a *API) get(ctx context.Context, tenant string) (*Configuration, error) {
	answer, err := a.Door.Do(ctx, tenant, http.MethodGet, a.Path, nil)
	if frontdoor.Absent(err, nothing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the Alertmanager's configuration: %w", err)
	}
	var held Configuration
	// The error of the parser would quote what it read, which may be a secret.
	if yaml.Unmarshal(answer, &held) != nil || held.Text == "" {
		return nil, fmt.Errorf("read the Alertmanager's configuration: %w", &frontdoor.Error{Message: "the answer is no configuration"})
	}
	return &held, nil
}

func (a *API) post(ctx context.Context, tenant string, c Configuration) error {
	body, err := yaml.Marshal(c)
	if err != nil {
		return fmt.Errorf("write the Alertmanager's configuration: %w", err)
	}
	if _, err := a.Door.Do(ctx, tenant, http.MethodPost, a.Path, body); err != nil {
		return fmt.Errorf("write the Alertmanager's configuration: %w", err)
	}
	return nil
}
