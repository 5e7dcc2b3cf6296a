package flux

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
)

// A Repository is what Flux knows of the cluster's Git repository.
type Repository struct {
	// Revision is what the cluster is given, as "main@sha1:…" or "v1.0.1@sha1:…".
	Revision string
	// Handled is the last request to look that was answered.
	Handled string
	// Conditions are those of the GitRepository by their type, such as "Ready" and "SourceVerified".
	Conditions map[string]meta.Condition
}

// ReadSource reads the cluster's GitRepository.
func ReadSource(ctx context.Context, client dynamic.Interface) (*Repository, error) {
	object, err := client.Resource(sources).Namespace(Namespace).Get(ctx, Source, meta.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("reading the Git repository: %w", err)
	}
	data, err := json.Marshal(object.Object["status"])
	if err != nil {
		return nil, fmt.Errorf("reading the Git repository: %w", err)
	}
	var status struct {
		Artifact   struct{ Revision string }
		Conditions []meta.Condition
		Handled    string `json:"lastHandledReconcileAt"`
	}
	if err := json.Unmarshal(data, &status); err != nil {
		return nil, fmt.Errorf("reading the Git repository: %w", err)
	}
	r := &Repository{Revision: status.Artifact.Revision, Handled: status.Handled, Conditions: map[string]meta.Condition{}}
	for _, c := range status.Conditions {
		r.Conditions[c.Type] = c
	}
	return r, nil
}

// Look asks Flux to look at the Git repository, waits until it did, and answers what it then knows.
func Look(ctx context.Context, client dynamic.Interface) (*Repository, error) {
	token := time.Now().Format(time.RFC3339Nano)
	if err := request(ctx, client, sources, Source, token); err != nil {
		return nil, err
	}
	for {
		r, err := ReadSource(ctx, client)
		if err != nil || r.Handled == token {
			return r, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for Flux to look at Git: %w; last: %+v", ctx.Err(), r)
		case <-time.After(300 * time.Millisecond):
		}
	}
}
