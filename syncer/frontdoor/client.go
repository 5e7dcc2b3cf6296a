package frontdoor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	proxy "github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/syncer/config"
)

const (
	// timeout bounds one request with its answer.
	timeout = 30 * time.Second
	// maxAnswer bounds what is read of an answer: all rules of a tenant with 500 groups of 200 rules of 250 bytes are 25 MB.
	maxAnswer = 32 << 20
	// maxRequest bounds what is sent. A ConfigMap has at most 1 MiB; secrets come on top.
	maxRequest = 4 << 20
)

// Client sends requests. It may be used by many at once.
type Client struct {
	url       string
	tokenFile string
	authority *authority
	limiter   *rate.Limiter
	requests  *prometheus.CounterVec

	mutex sync.Mutex
	ids   map[string]string // of tenants, by name, as the proxy said last
}

// byID begins a tenant that is named by its ID; no tenant's name begins so.
const byID = "="

// Removed names a tenant that is in Git no more, by the ID that it had in Cortex and Loki. Things of it can only be read
// and deleted, and the proxy refuses it for a tenant that exists.
func Removed(id string) string { return byID + id }

// ID is the tenant's name in Cortex and Loki, as the proxy said with its last answer; "" before the first one.
func (c *Client) ID(tenant string) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.ids[tenant]
}

// New prepares a client; nothing is read or sent yet. perSecond bounds the requests of all callers together.
func New(c config.Proxy, perSecond int, metrics prometheus.Registerer) (*Client, error) {
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "opsgen_syncer_requests_total", Help: "Requests to the proxy, by method and status; status 0 is no answer.",
	}, []string{"method", "status"})
	if err := metrics.Register(requests); err != nil {
		return nil, fmt.Errorf("register metrics of requests: %w", err)
	}
	return &Client{
		url: c.URL, tokenFile: c.TokenFile, authority: &authority{file: c.CAFile},
		limiter: rate.NewLimiter(rate.Limit(perSecond), perSecond), requests: requests, ids: map[string]string{},
	}, nil
}

// Do sends one request for a tenant (its name, or Removed), when its turn has come. path is in its escaped form; body is YAML, or nil. It
// answers the body of a success (2xx); any other answer, and none, is an *Error.
func (c *Client) Do(ctx context.Context, tenant, method, path string, body []byte) ([]byte, error) {
	if len(body) > maxRequest {
		return nil, &Error{
			Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("it has %d bytes; at most %d are sent", len(body), maxRequest),
		}
	}
	if err := c.limiter.Wait(ctx); err != nil {
		return nil, fmt.Errorf("wait for a turn: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := c.send(ctx, tenant, method, path, body)
	status := 0
	if e := As(err); e != nil {
		status = e.Status
	} else if err == nil {
		status = http.StatusOK
	}
	c.requests.WithLabelValues(method, strconv.Itoa(status)).Inc()
	return answer, err
}

func (c *Client) send(ctx context.Context, tenant, method, path string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("prepare a request: %w", err)
	}
	token, err := readToken(c.tokenFile)
	if err != nil {
		return nil, &Error{Message: err.Error()}
	}
	transport, err := c.authority.current()
	if err != nil {
		return nil, &Error{Message: err.Error()}
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if id, removed := strings.CutPrefix(tenant, byID); removed {
		request.Header.Set(proxy.TenantIDHeader, id)
	} else {
		request.Header.Set(proxy.TenantHeader, tenant)
	}
	request.Header.Set("User-Agent", "opsgen-syncer")
	if body != nil {
		request.Header.Set("Content-Type", "application/yaml")
	}
	// Threat: a redirect would carry the token to where it points.
	client := http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	defer response.Body.Close()
	if id := response.Header.Get(proxy.TenantIDHeader); id != "" {
		c.mutex.Lock()
		c.ids[tenant] = id
		c.mutex.Unlock()
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return nil, unreachable(err)
	}
	if response.StatusCode/100 != 2 {
		return nil, &Error{
			Status: response.StatusCode, Message: oneLine(string(answer[:min(len(answer), maxAnswer)])),
			RetryAfter: retryAfter(response.Header, time.Now()),
		}
	}
	if len(answer) > maxAnswer {
		return nil, &Error{Message: fmt.Sprintf("the answer has more than %d bytes", maxAnswer)}
	}
	return answer, nil
}

// unreachable is the error of a request without an answer. The URL is left out: it is long, and the same for all.
func unreachable(err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return &Error{Message: "the proxy did not answer: " + oneLine(err.Error())}
}
