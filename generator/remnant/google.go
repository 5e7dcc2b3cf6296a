package remnant

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/oauth2/google"
)

// Google lists buckets of Google Cloud Storage by its JSON API.
type Google struct {
	client   *http.Client
	endpoint string
}

// NewGoogle prepares a client with the application default credentials; endpoint is for tests, "" is Google's. Nothing is
// listed yet.
func NewGoogle(ctx context.Context, endpoint string) (*Google, error) {
	if endpoint != "" {
		return &Google{http.DefaultClient, endpoint}, nil
	}
	client, err := google.DefaultClient(ctx, "https://www.googleapis.com/auth/devstorage.read_only")
	if err != nil {
		return nil, fmt.Errorf("read the credentials for Google: %w; run gcloud auth application-default login", err)
	}
	return &Google{client, "https://storage.googleapis.com"}, nil
}

// URL is "gs://bucket/key".
func (g *Google) URL(bucket, key string) string { return "gs://" + bucket + "/" + key }

// Versions is true.
func (g *Google) Versions() bool { return true }

// List lists objects with their noncurrent versions, which have a time of deletion.
func (g *Google) List(ctx context.Context, bucket, prefix string, each func(Object)) error {
	return g.pages(ctx, bucket, url.Values{"prefix": {prefix}}, func(p page) {
		for _, item := range p.Items {
			size, _ := strconv.ParseInt(item.Size, 10, 64) // without a size it counts all the same
			each(Object{Key: item.Name, Size: size, Old: item.TimeDeleted != ""})
		}
	})
}

// Folders lists folders, by objects that are current or that were.
func (g *Google) Folders(ctx context.Context, bucket, prefix string) ([]string, error) {
	var found []string
	err := g.pages(ctx, bucket, url.Values{"prefix": {prefix}, "delimiter": {"/"}}, func(p page) { found = append(found, p.Prefixes...) })
	return found, err
}

// page is a page of an answer (Cloud Storage JSON API v1, Objects: list).
type page struct {
	Items []struct {
		Name, Size, TimeDeleted string
	}
	Prefixes      []string
	NextPageToken string
}

func (g *Google) pages(ctx context.Context, bucket string, query url.Values, each func(page)) error {
	query.Set("versions", "true")
	query.Set("fields", "items(name,size,timeDeleted),prefixes,nextPageToken")
	for {
		p, err := g.page(ctx, g.endpoint+"/storage/v1/b/"+url.PathEscape(bucket)+"/o?"+query.Encode())
		if err != nil {
			return err
		}
		each(p)
		if p.NextPageToken == "" {
			return nil
		}
		query.Set("pageToken", p.NextPageToken)
	}
}

func (g *Google) page(ctx context.Context, address string) (page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return page{}, err
	}
	response, err := g.client.Do(request)
	if err != nil {
		return page{}, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return page{}, err
	}
	if response.StatusCode != http.StatusOK {
		return page{}, fmt.Errorf("Google answers %s: %.300s", response.Status, strings.Join(strings.Fields(string(answer)), " "))
	}
	var p page
	if err := json.Unmarshal(answer, &p); err != nil {
		return page{}, fmt.Errorf("read Google's answer: %w", err)
	}
	return p, nil
}
