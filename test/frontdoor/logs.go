package frontdoor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A Line is one log line.
type Line struct {
	Time time.Time
	Text string
}

// WriteLogs sends the lines of one stream in one request of Loki's JSON push API.
func (d *Door) WriteLogs(ctx context.Context, token string, stream map[string]string, lines []Line) error {
	values := make([][2]string, len(lines))
	for i, l := range lines {
		values[i] = [2]string{strconv.FormatInt(l.Time.UnixNano(), 10), l.Text}
	}
	body, err := json.Marshal(map[string]any{"streams": []any{map[string]any{"stream": stream, "values": values}}})
	if err != nil {
		return fmt.Errorf("encoding log lines: %w", err)
	}
	_, err = d.Do(ctx, http.MethodPost, "logs", "/loki/api/v1/push", token, http.Header{"Content-Type": {"application/json"}}, body)
	return err
}

// CountLogs asks an instant LogQL query that answers one number, such as sum(count_over_time({app="x"}[1h])).
func (d *Door) CountLogs(ctx context.Context, token, query string, at time.Time) (float64, error) {
	form := url.Values{"query": {query}, "time": {strconv.FormatInt(at.UnixNano(), 10)}}
	answer, err := d.Do(ctx, http.MethodGet, "logs", "/loki/api/v1/query?"+form.Encode(), token, nil, nil)
	if err != nil {
		return 0, err
	}
	found, err := points(answer)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].Value, nil
}
