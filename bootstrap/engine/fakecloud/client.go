package fakecloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// Client speaks to the cloud through a transport, as an SDK would.
type Client struct{ Transport http.RoundTripper }

// StatusError is an answer that is not a success.
type StatusError struct {
	Code    int
	Message string
}

// Error is the cloud's message.
func (e *StatusError) Error() string { return fmt.Sprintf("%d: %s", e.Code, e.Message) }

// Classify is engine.Options.Classify for this cloud.
func Classify(err error) engine.Verdict {
	var answer *StatusError
	if !errors.As(err, &answer) {
		return engine.Verdict{Class: engine.Uncertain} // the connection broke
	}
	classes := map[int]engine.Class{
		http.StatusTooManyRequests: engine.Throttled, http.StatusServiceUnavailable: engine.Uncertain,
		http.StatusConflict: engine.Exists, http.StatusFailedDependency: engine.NotYet,
		http.StatusLocked: engine.Blocked, http.StatusNotFound: engine.Gone,
	}
	return engine.Verdict{Class: classes[answer.Code]}
}

// List are the visible resources of a kind with these tags; "name" is the name.
func (c *Client) List(ctx context.Context, kind string, tags map[string]string) ([]Item, error) {
	query := url.Values{}
	for key, value := range tags {
		query.Set(key, value)
	}
	var items []Item
	_, err := c.do(ctx, http.MethodGet, kind+"?"+query.Encode(), nil, "", &items)
	return items, err
}

// Create makes a resource.
func (c *Client) Create(ctx context.Context, item Item) error {
	_, err := c.do(ctx, http.MethodPost, item.Kind, item, "", nil)
	return err
}

// Change sets settings of a resource.
func (c *Client) Change(ctx context.Context, item Item, props map[string]string) error {
	_, err := c.do(ctx, http.MethodPatch, item.Kind+"/"+item.ID, Item{Props: props}, "", nil)
	return err
}

// Delete removes a resource.
func (c *Client) Delete(ctx context.Context, item Item) error {
	_, err := c.do(ctx, http.MethodDelete, item.Kind+"/"+item.ID, nil, "", nil)
	return err
}

func (c *Client) do(ctx context.Context, method, path string, body any, match string, into any) (string, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://cloud/"+path, bytes.NewReader(text))
	if err != nil {
		return "", err
	}
	request.Header.Set("If-Match", match)
	response, err := c.Transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode >= http.StatusBadRequest {
		return "", &StatusError{Code: response.StatusCode, Message: string(bytes.TrimSpace(answer))}
	}
	if into != nil {
		err = json.Unmarshal(answer, into)
	}
	return response.Header.Get("ETag"), err
}

// Leases keeps the lease in an object of the cloud.
type Leases struct{ Client *Client }

const leaseObject = "objects/lease"

// Read implements engine.Leases.
func (l Leases) Read(ctx context.Context) (engine.Lease, string, error) {
	var lease engine.Lease
	version, err := l.Client.do(ctx, http.MethodGet, leaseObject, nil, "", &lease)
	var answer *StatusError
	if errors.As(err, &answer) && answer.Code == http.StatusNotFound {
		return engine.Lease{}, "", nil
	}
	return lease, version, err
}

// Write implements engine.Leases.
func (l Leases) Write(ctx context.Context, lease engine.Lease, version string) (string, error) {
	written, err := l.Client.do(ctx, http.MethodPut, leaseObject, lease, version, nil)
	return written, lost(err)
}

// Remove implements engine.Leases.
func (l Leases) Remove(ctx context.Context, version string) error {
	_, err := l.Client.do(ctx, http.MethodDelete, leaseObject, nil, version, nil)
	return lost(err)
}

func lost(err error) error {
	var answer *StatusError
	if errors.As(err, &answer) && answer.Code == http.StatusPreconditionFailed {
		return engine.ErrLost
	}
	return err
}
