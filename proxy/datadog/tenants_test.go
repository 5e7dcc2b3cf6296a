package datadog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/golang/snappy"

	"github.com/opsgen/opsgen/proxy/datadog"
)

// strict refuses what belongs to another tenant: everything says to whom it belongs.
type strict struct{}

func (strict) Metrics(_ context.Context, tenant string, body []byte) (*datadog.Answer, error) {
	return strict{}.Logs(context.Background(), tenant, body)
}

func (strict) Logs(_ context.Context, tenant string, body []byte) (*datadog.Answer, error) {
	message, err := snappy.Decode(nil, body)
	if err != nil {
		return nil, err
	}
	if strings.Count(string(message), "owner") != strings.Count(string(message), tenant) {
		return nil, errors.New("another tenant's data")
	}
	return &datadog.Answer{Status: http.StatusNoContent}, nil
}

// TestTenantsDoNotMix is about the buffers that requests share one after the other, and the state that they share.
func TestTenantsDoNotMix(t *testing.T) {
	h := datadog.New(datadog.Options{Sender: strict{}, JoinHostTags: true})
	var group sync.WaitGroup
	for worker := range 8 {
		tenant := fmt.Sprintf("tenant-%d", worker%3)
		group.Go(func() {
			for i := range 60 {
				path, body := "/api/v1/series", fmt.Sprintf(`{"series":[{"metric":"m","host":"h","points":[[1700000000,1]],"tags":["owner%d:%s",null]},
					{"metric":"n","host":"g","points":[[1700000000,1],null,[]],"tags":["owner:%s"]}]}`, i%5, tenant, tenant)
				switch i % 3 {
				case 1:
					path, body = "/api/v2/logs", fmt.Sprintf(`[{"message":"owner %s","ddtags":"owner:%s"},{"message":"owner %s"}]`, tenant, tenant, tenant)
				case 2:
					path, body = "/intake/", fmt.Sprintf(`{"internalHostname":"h","host-tags":{"system":["owner_of_host:%s"]}}`, tenant)
				}
				encoding := []string{"gzip", "zstd", "deflate"}[i%3]
				r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(packed(t, encoding, []byte(body))))
				r.Header.Set("Content-Encoding", encoding)
				w := httptest.NewRecorder()
				if h.ServeTenant(w, r, tenant, limits()); w.Code != http.StatusAccepted {
					t.Errorf("%s %s: %d %s", tenant, path, w.Code, w.Body)
				}
			}
		})
	}
	group.Wait()
}
