package erase

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// State is how far an erasure is.
type State string

// The states.
const (
	// Waiting: the mark is so new that nothing was deleted yet.
	Waiting State = "Waiting"
	// Erasing: the components were asked, and something is left.
	Erasing State = "Erasing"
	// Erased: none of the components shows anything. Whether the buckets are empty is told by `opsgen tenant erased`.
	Erased State = "Erased"
	// Refused: the proxy says that the tenant exists. Nothing is deleted.
	Refused State = "Refused"
)

// Record is how far the erasure of one tenant is, as it stands in the ConfigMap under the tenant's ID.
type Record struct {
	// Tenant was the tenant's name.
	Tenant string `json:"tenant"`
	// State is one word for programs.
	State State `json:"state"`
	// Message is for people: what is left, or what is waited for.
	Message string `json:"message"`
	// Seen is when the mark was first read.
	Seen time.Time `json:"seen"`
	// MetricsAsked and LogsAsked are when Cortex and Loki were last asked to delete everything.
	MetricsAsked *time.Time `json:"metricsAsked,omitempty"`
	LogsAsked    *time.Time `json:"logsAsked,omitempty"`
	// Left is what the components showed at Checked.
	Left Left `json:"left"`
	// Checked is when the components were last asked what is left.
	Checked *time.Time `json:"checked,omitempty"`
	// Erased is when they first showed nothing.
	Erased *time.Time `json:"erased,omitempty"`
}

// Left is what the components show of a tenant.
type Left struct {
	// Rules are rule groups of both rulers, and 1 for an Alertmanager configuration, that were found and deleted.
	Rules int `json:"rules"`
	// Blocks says that there are blocks of metrics in the bucket.
	Blocks bool `json:"blocks"`
	// Series are those that ingesters hold.
	Series int `json:"series"`
	// Requests are those to delete log lines that are not carried out yet.
	Requests int `json:"requests"`
	// Streams are those of logs that the index knows, on the day of the last week that has most.
	Streams int `json:"streams"`
}

// Nothing says that nothing is left.
func (l Left) Nothing() bool { return l == Left{} }

// records keeps the records in a ConfigMap, one entry a tenant.
type records struct {
	api    client.Reader
	writer client.Writer
	at     client.ObjectKey
}

// all reads the records by ID. What cannot be understood is an error: it would be a tenant that is asked for anew.
func (r *records) all(ctx context.Context) (map[string]Record, error) {
	var found core.ConfigMap
	err := r.api.Get(ctx, r.at, &found)
	if apierrors.IsNotFound(err) {
		found = core.ConfigMap{ObjectMeta: r.meta()}
		err = r.writer.Create(ctx, &found)
	}
	if err != nil {
		return nil, fmt.Errorf("read the records %s: %w", r.at, err)
	}
	all := map[string]Record{}
	for id, text := range found.Data {
		var record Record
		if err := yaml.Unmarshal([]byte(text), &record); err != nil {
			return nil, fmt.Errorf("read the records %s: %s: %w; delete that entry, and its erasure begins again", r.at, id, err)
		}
		all[id] = record
	}
	return all, nil
}

// put writes one record; nil takes it out.
func (r *records) put(ctx context.Context, id string, record *Record) error {
	var entry any
	if record != nil {
		text, err := yaml.Marshal(record)
		if err != nil {
			return fmt.Errorf("write the record of %s: %w", id, err)
		}
		entry = string(text)
	}
	patch, err := json.Marshal(map[string]any{"data": map[string]any{id: entry}})
	if err == nil {
		err = r.writer.Patch(ctx, &core.ConfigMap{ObjectMeta: r.meta()}, client.RawPatch(types.MergePatchType, patch))
	}
	if err != nil {
		return fmt.Errorf("write the record of %s: %w", id, err)
	}
	return nil
}

func (r *records) meta() meta.ObjectMeta {
	return meta.ObjectMeta{Namespace: r.at.Namespace, Name: r.at.Name, Labels: map[string]string{
		"app.kubernetes.io/managed-by": "opsgen-syncer", "app.kubernetes.io/part-of": "opsgen",
	}}
}
