package erase

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/opsgen/opsgen/syncer/frontdoor"
	"github.com/opsgen/opsgen/syncer/ruler"
)

const (
	// everything is the selector of all streams. Loki checks for requests to delete that it can be parsed, and not that it
	// names a label (Loki 3.7.8, pkg/compactor/deletion/util.go).
	everything = "{}"
	// mostListed bounds a listing of series, which is for counting.
	mostListed = 10000
	// inMemory is for how long ingesters may hold series (bases/cortex, tsdb.retention_period).
	inMemory = 13 * time.Hour
	// indexed is how far back streams are looked for: longer than Loki takes to delete them.
	indexed = 7 * 24 * time.Hour
)

// rules deletes all rule groups of a ruler, whoever made them, and answers how many there were.
func (e *Eraser) rules(ctx context.Context, tenant, path string) (int, error) {
	api := &ruler.API{Door: e.Door, Path: path}
	out, err := api.Sync(ctx, tenant, ruler.Wanted{}, ruler.Memory{})
	return len(out.Changes), err
}

// alerting deletes the Alertmanager's configuration, whoever made it, and answers 1 if there was one. Its silences go when
// the Alertmanagers next read their configurations.
func (e *Eraser) alerting(ctx context.Context, tenant string) (int, error) {
	_, err := e.Door.Do(ctx, tenant, http.MethodGet, e.Config.Metrics.AlertmanagerPath, nil)
	if frontdoor.Absent(err, "alertmanager storage object not found") {
		return 0, nil
	}
	if err == nil {
		_, err = e.Door.Do(ctx, tenant, http.MethodDelete, e.Config.Metrics.AlertmanagerPath, nil)
	}
	if err != nil {
		return 0, fmt.Errorf("delete the Alertmanager's configuration: %w", err)
	}
	return 1, nil
}

// deleteMetrics has Cortex mark the tenant.
func (e *Eraser) deleteMetrics(ctx context.Context, tenant string) error {
	if _, err := e.Door.Do(ctx, tenant, http.MethodPost, "/purger/delete_tenant", nil); err != nil {
		return fmt.Errorf("have the metrics deleted: %w", err)
	}
	return nil
}

// blocks says whether blocks of a tenant are in the bucket.
func (e *Eraser) blocks(ctx context.Context, tenant string) (bool, error) {
	var status struct {
		Tenant  string `json:"tenant_id"`
		Deleted bool   `json:"blocks_deleted"`
	}
	if err := e.get(ctx, tenant, "/purger/delete_tenant_status", &status); err != nil {
		return false, fmt.Errorf("ask whether the metrics are deleted: %w", err)
	}
	if frontdoor.Removed(status.Tenant) != tenant {
		return false, fmt.Errorf("ask whether the metrics are deleted: the answer is about %q", status.Tenant)
	}
	return !status.Deleted, nil
}

// series counts what ingesters still hold.
func (e *Eraser) series(ctx context.Context, tenant string, now time.Time) (int, error) {
	form := url.Values{
		"match[]": {`{__name__=~".+"}`}, "limit": {strconv.Itoa(mostListed)},
		"start": {strconv.FormatInt(now.Add(-inMemory).Unix(), 10)}, "end": {strconv.FormatInt(now.Unix(), 10)},
	}
	n, err := e.count(ctx, tenant, "/prometheus/api/v1/series?"+form.Encode())
	if err != nil {
		return 0, fmt.Errorf("list the series: %w", err)
	}
	return n, nil
}

// deleteLogs asks Loki to delete every line up to now.
func (e *Eraser) deleteLogs(ctx context.Context, tenant string, now time.Time) error {
	form := url.Values{"query": {everything}, "start": {"1970-01-01T00:00:00Z"}, "end": {strconv.FormatInt(now.Unix(), 10)}}
	if _, err := e.Door.Do(ctx, tenant, http.MethodPost, "/loki/api/v1/delete?"+form.Encode(), nil); err != nil {
		return fmt.Errorf("have the logs deleted: %w", err)
	}
	return nil
}

// requests counts the requests to delete everything that are not carried out.
func (e *Eraser) requests(ctx context.Context, tenant string) (int, error) {
	var list []struct{ Query, Status string }
	if err := e.get(ctx, tenant, "/loki/api/v1/delete", &list); err != nil {
		return 0, fmt.Errorf("list the requests to delete logs: %w", err)
	}
	open := 0
	for _, r := range list {
		if r.Query == everything && r.Status != "processed" {
			open++
		}
	}
	return open, nil
}

// streams counts the streams that the index knows, on the day that has most: a cluster may allow no longer queries.
func (e *Eraser) streams(ctx context.Context, tenant string, now time.Time) (int, error) {
	most := 0
	for end := now; end.After(now.Add(-indexed)); end = end.Add(-day) {
		form := url.Values{
			"start": {strconv.FormatInt(end.Add(-day).UnixNano(), 10)}, "end": {strconv.FormatInt(end.UnixNano(), 10)},
		}
		n, err := e.count(ctx, tenant, "/loki/api/v1/series?"+form.Encode())
		if err != nil {
			return 0, fmt.Errorf("list the streams: %w", err)
		}
		most = max(most, n)
	}
	return most, nil
}

// count counts the elements of a listing of series or streams.
func (e *Eraser) count(ctx context.Context, tenant, path string) (int, error) {
	var answer struct {
		Status string
		Data   []json.RawMessage
	}
	if err := e.get(ctx, tenant, path, &answer); err != nil {
		return 0, err
	}
	// Threat: an answer of something else that is taken for an empty list.
	if answer.Status != "success" {
		return 0, &frontdoor.Error{Message: "the answer is no list"}
	}
	return len(answer.Data), nil
}

func (e *Eraser) get(ctx context.Context, tenant, path string, into any) error {
	answer, err := e.Door.Do(ctx, tenant, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return &frontdoor.Error{Message: "the answer is not what the component is known to answer: " + err.Error()}
	}
	return nil
}
