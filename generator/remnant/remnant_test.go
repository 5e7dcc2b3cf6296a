package remnant

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// bucket is a store in memory: objects by bucket.
type bucket struct {
	objects map[string][]Object
	denied  string // a prefix that may not be listed
}

func (b *bucket) List(_ context.Context, name, prefix string, each func(Object)) error {
	if b.denied != "" && strings.HasPrefix(prefix, b.denied) {
		return errors.New("AccessDenied")
	}
	for _, o := range b.objects[name] {
		if strings.HasPrefix(o.Key, prefix) {
			each(o)
		}
	}
	return nil
}

func (b *bucket) Folders(_ context.Context, name, prefix string) ([]string, error) {
	if b.denied == prefix {
		return nil, errors.New("AccessDenied")
	}
	var found []string
	for _, o := range b.objects[name] {
		if rest, ok := strings.CutPrefix(o.Key, prefix); ok {
			if folder, _, ok := strings.Cut(rest, "/"); ok && !slices.Contains(found, prefix+folder+"/") {
				found = append(found, prefix+folder+"/")
			}
		}
	}
	return found, nil
}

func (b *bucket) Versions() bool              { return true }
func (b *bucket) URL(name, key string) string { return name + ":" + key }

var buckets = Buckets{Metrics: "m", Logs: "l", Rules: "r"}

// full holds everything that Cortex and Loki keep of each tenant.
func full(ids ...string) *bucket {
	b := &bucket{objects: map[string][]Object{}}
	for _, id := range ids {
		for name, keys := range map[string][]string{
			"m": {id + "/01J/index", id + "/01J/chunks/000001", id + "/bucket-index.json.gz", id + "/markers/01J-deletion-mark.json", "__markers__/" + id + "/tenant-deletion-mark.json", id + "/debug/metas/01J.json"},
			"r": {"rules/" + id + "/bWluZQ==/YQ==", "alerts/" + id, "alertmanager/" + id + "/fullstate", "loki/rules/" + id + "/bWluZQ==/YQ=="},
			"l": {id + "/2c6e/1a1f:1a20:cc", "index/index_20778/" + id + "/1-compactor.tsdb.gz", "index/index_20777/" + id + "/1-compactor.tsdb.gz"},
		} {
			for _, key := range keys {
				b.objects[name] = append(b.objects[name], Object{Key: key, Size: 10})
			}
		}
	}
	b.objects["l"] = append(b.objects["l"], Object{Key: "index/delete_requests/delete_requests.gz", Size: 10})
	return b
}

func TestEveryPlaceIsFoundAndNobodyElses(t *testing.T) {
	report, err := Find(t.Context(), full("pay", "payments", "pay-k7x2q", "rules", "index"), buckets, "pay")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, f := range report.Left {
		got[f.URL] = f.Objects
	}
	want := map[string]int{
		"m:pay": 3, "m:pay/markers": 1, "m:pay/debug": 1, "m:__markers__/pay": 1,
		"r:rules/pay": 1, "r:alerts/pay": 1, "r:alertmanager/pay": 1, "r:loki/rules/pay": 1,
		"l:pay": 1, "l:index/index_20778/pay": 1, "l:index/index_20777/pay": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" || report.Nothing() {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNothingIsLeft(t *testing.T) {
	report, err := Find(t.Context(), full("payments", "pay-k7x2q"), buckets, "pay")
	if err != nil || !report.Nothing() || report.Tables != 3 || report.Looked != 12 {
		t.Errorf("the report is %+v, %v", report, err)
	}
}

func TestAnOldVersionIsNotNothing(t *testing.T) {
	b := full("payments")
	b.objects["l"] = append(b.objects["l"], Object{Key: "pay/2c6e/1:2:3", Size: 7, Old: true}, Object{Key: "pay/2c6e/1:2:3", Old: true})
	report, err := Find(t.Context(), b, buckets, "pay")
	if err != nil || len(report.Left) != 1 || report.Left[0].Objects != 0 || report.Left[0].Old != 2 || report.Left[0].OldBytes != 7 {
		t.Errorf("the report is %+v, %v", report, err)
	}
}

func TestWhatCannotBeSeenIsNotEmpty(t *testing.T) {
	for _, denied := range []string{"index/", "pay", "__markers__", "loki/rules", "index/index_20778/"} {
		b := full("payments")
		b.denied = denied
		if _, err := Find(t.Context(), b, buckets, "pay"); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
			t.Errorf("%s: the error is %v", denied, err)
		}
	}
	for _, id := range []string{"", "a/b", "a|b", ".."} {
		if _, err := Find(t.Context(), full(), buckets, id); err == nil {
			t.Errorf("%q is taken for an ID", id)
		}
	}
}

// TestGoogle asks a server that answers in pages, as Google's does.
func TestGoogle(t *testing.T) {
	b := full("pay", "payments")
	b.objects["l"] = append(b.objects["l"], Object{Key: "pay/old", Size: 3, Old: true})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.Split(r.URL.Path, "/")[4]
		query := r.URL.Query()
		if name == "r" && query.Get("prefix") == "rules/denied" {
			http.Error(w, `{"error":{"message":"no storage.objects.list"}}`, http.StatusForbidden)
			return
		}
		var items []map[string]string
		_ = b.List(r.Context(), name, query.Get("prefix"), func(o Object) {
			item := map[string]string{"name": o.Key, "size": "10"}
			if o.Old {
				item["timeDeleted"] = "2026-11-21T12:00:00Z"
			}
			items = append(items, item)
		})
		answer := map[string]any{"items": items}
		if query.Get("delimiter") != "" {
			folders, _ := b.Folders(r.Context(), name, query.Get("prefix"))
			answer = map[string]any{"prefixes": folders}
		} else if len(items) > 1 && query.Get("pageToken") == "" {
			answer = map[string]any{"items": items[:1], "nextPageToken": "2"}
		} else if len(items) > 1 {
			answer = map[string]any{"items": items[1:]}
		}
		if query.Get("versions") != "true" {
			t.Error("it did not ask for versions")
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	store, err := NewGoogle(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Find(t.Context(), store, buckets, "pay")
	if err != nil {
		t.Fatal(err)
	}
	objects, old := 0, 0
	for _, f := range report.Left {
		objects += f.Objects
		old += f.Old
	}
	if objects != 13 || old != 1 || !strings.HasPrefix(report.Left[0].URL, "gs://m/") {
		t.Errorf("%d objects and %d old ones in %+v", objects, old, report.Left)
	}
	if _, err := Find(t.Context(), store, buckets, "denied"); err == nil || !strings.Contains(err.Error(), "no storage.objects.list") {
		t.Errorf("the error is %v", err)
	}
}

// TestS3 asks a server that knows versions, and one that does not.
func TestS3(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for name, test := range map[string]struct {
		refusal string
		status  int
		objects int
		old     int
		says    string
	}{
		"with versions":        {"", 200, 1, 1, ""},
		"without versions":     {"NotImplemented", 501, 1, 0, ""},
		"without the right":    {"AccessDenied", 403, 0, 0, "AccessDenied"},
		"a bucket that is not": {"NoSuchBucket", 404, 0, 0, "NoSuchBucket"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/xml")
				versions := r.URL.Query().Has("versions")
				if versions && test.refusal != "" {
					w.WriteHeader(test.status)
					_, _ = w.Write([]byte("<Error><Code>" + test.refusal + "</Code><Message>no</Message></Error>"))
					return
				}
				inside := ""
				if r.URL.Query().Get("prefix") == "alerts/pay" {
					inside = "<Contents><Key>alerts/pay</Key><Size>5</Size></Contents><Contents><Key>alerts/payments</Key><Size>5</Size></Contents>"
					if versions {
						inside = "<Version><Key>alerts/pay</Key><IsLatest>true</IsLatest><Size>5</Size></Version>" +
							"<Version><Key>alerts/payments</Key><IsLatest>true</IsLatest><Size>5</Size></Version>" +
							"<DeleteMarker><Key>alerts/pay</Key><IsLatest>false</IsLatest></DeleteMarker>"
					}
				}
				kind := "ListBucketResult"
				if versions {
					kind = "ListVersionsResult"
				}
				_, _ = w.Write([]byte("<" + kind + "><IsTruncated>false</IsTruncated>" + inside + "</" + kind + ">"))
			}))
			defer server.Close()
			store, err := NewS3(t.Context(), "us-east-1", server.URL)
			if err != nil {
				t.Fatal(err)
			}
			report, err := Find(t.Context(), store, buckets, "pay")
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if err != nil || len(report.Left) != 1 || report.Left[0].Objects != test.objects || report.Left[0].Old != test.old || report.Versions != (test.old > 0) {
				t.Errorf("the report is %+v, %v", report, err)
			}
		})
	}
}

// TestS3WithoutCredentials: who is not logged in is told so, and what to do.
func TestS3WithoutCredentials(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "none")
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_SHARED_CREDENTIALS_FILE": nowhere, "AWS_CONFIG_FILE": nowhere, "AWS_WEB_IDENTITY_TOKEN_FILE": "",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "",
	} {
		t.Setenv(name, value)
	}
	if _, err := NewS3(t.Context(), "us-east-1", ""); err == nil || !strings.Contains(err.Error(), "there are no credentials for S3: set AWS_PROFILE") {
		t.Errorf("got %v", err)
	}
}
