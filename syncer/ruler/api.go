package ruler

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"go.yaml.in/yaml/v3"

	"github.com/opsgen/opsgen/syncer/frontdoor"
)

// nothing is what both rulers say when a tenant has no group.
const nothing = "no rule groups found"

// Door sends a request for a tenant; frontdoor.Client does.
type Door interface {
	Do(ctx context.Context, tenant, method, path string, body []byte) ([]byte, error)
}

// API is the configuration API of one ruler.
type API struct {
	// Door leads there.
	Door Door
	// Path is the API's path behind the door ("/api/v1/rules").
	Path string
}

// List is every rule group that the ruler holds for a tenant, by namespace.
func (a *API) List(ctx context.Context, tenant string) (map[string][]Group, error) {
	answer, err := a.Door.Do(ctx, tenant, http.MethodGet, a.Path, nil)
	if frontdoor.Absent(err, nothing) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the rules: %w", err)
	}
	var held map[string][]Group
	if err := yaml.Unmarshal(answer, &held); err != nil {
		return nil, fmt.Errorf("list the rules: %w", &frontdoor.Error{Message: "the answer is no list of rules"})
	}
	// An empty answer is no empty list: for that the ruler has words.
	if held == nil {
		return nil, fmt.Errorf("list the rules: %w", &frontdoor.Error{Message: "the answer is empty"})
	}
	return held, nil
}

// set stores one group.
func (a *API) set(ctx context.Context, tenant, namespace string, g Group) error {
	body, err := yaml.Marshal(g)
	if err != nil {
		return fmt.Errorf("write rule group %s: %w", g.Name, err)
	}
	_, err = a.Door.Do(ctx, tenant, http.MethodPost, a.Path+"/"+url.PathEscape(namespace), body)
	return err
}

// remove deletes one group, or the whole namespace where group is empty. One that is gone already is a success.
func (a *API) remove(ctx context.Context, tenant, namespace, group string) error {
	path := a.Path + "/" + url.PathEscape(namespace)
	if group != "" {
		path += "/" + url.PathEscape(group)
	}
	_, err := a.Door.Do(ctx, tenant, http.MethodDelete, path, nil)
	for _, words := range []string{"group does not exist", "group namespace does not exist"} {
		if frontdoor.Absent(err, words) {
			return nil
		}
	}
	return err
}

// refused says whether an error concerns one group only, so that the others can go on.
func refused(err error) bool {
	var e *frontdoor.Error
	return errors.As(err, &e) && e.Refused()
}
