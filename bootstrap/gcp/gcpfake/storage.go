package gcpfake

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// object is one version of a file in a bucket.
type object struct {
	text       string
	generation int64
	live       bool
}

// serveStorage understands /storage/v1/b[/BUCKET[/iam|/o[/OBJECT]]] and /upload/storage/v1/b/BUCKET/o.
func (c *Cloud) serveStorage(k *call) {
	escaped := strings.Split(strings.Trim(k.request.URL.EscapedPath(), "/"), "/")
	path := escaped[2:]
	if escaped[0] == "upload" {
		path = escaped[3:]
	}
	if len(path) == 1 {
		c.createBucket(k)
		return
	}
	bucket := c.there(path[1])
	what := "buckets"
	if len(path) > 2 {
		what = path[2]
	}
	if !c.begin(k, what+"."+strings.ToLower(k.request.Method)) {
		return
	}
	switch {
	case bucket == nil || bucket.Kind != "buckets":
		k.fail(http.StatusNotFound, "notFound", "The specified bucket does not exist.")
	case bucket.Foreign:
		k.fail(http.StatusForbidden, "forbidden", "does not have storage.buckets.get access to the Google Cloud Storage bucket.")
	case what == "buckets":
		c.serveBucket(k, bucket)
	case what == "iam":
		c.servePolicy(k, bucket.ID, map[bool]string{true: "set", false: "get"}[k.request.Method == http.MethodPut], k.body)
	case len(path) == 3 && escaped[0] == "upload":
		c.upload(k, bucket)
	case len(path) == 3:
		c.listObjects(k, bucket)
	default:
		name, err := url.PathUnescape(path[3])
		if err != nil {
			name = path[3]
		}
		c.serveObject(k, bucket, name)
	}
}

func (c *Cloud) createBucket(k *call) {
	name := text(k.body["name"])
	if !c.begin(k, "buckets.insert") {
		return
	}
	there := c.there(name)
	switch {
	case k.request.URL.Query().Get("project") != c.Project:
		k.fail(http.StatusBadRequest, "required", "Required parameter: project")
	case there != nil && !there.Foreign:
		k.fail(http.StatusConflict, "conflict", "Your previous request to create the named bucket succeeded and you already own it.")
	case there != nil, time.Now().Before(c.held[name]):
		k.fail(http.StatusConflict, "conflict", "The requested bucket name is not available. The bucket namespace is shared by all users of the system.")
	default:
		c.insert("buckets", name, k.body)
		c.objects[name] = map[string][]object{}
		k.answer(k.body)
	}
}

func (c *Cloud) serveBucket(k *call, bucket *Item) {
	switch k.request.Method {
	case http.MethodGet:
		k.answer(bucket.Body)
	case http.MethodPatch:
		for key, value := range k.body {
			bucket.Body = with(bucket.Body, key, value)
		}
		k.answer(bucket.Body)
	default:
		for _, versions := range c.objects[bucket.ID] {
			if len(versions) > 0 {
				k.fail(http.StatusConflict, "conflict", "The bucket you tried to delete is not empty.")
				return
			}
		}
		c.remove(bucket)
		k.WriteHeader(http.StatusNoContent)
	}
}

func (c *Cloud) listObjects(k *call, bucket *Item) {
	list := []any{}
	for name, versions := range c.objects[bucket.ID] {
		for _, v := range versions {
			if v.live || k.request.URL.Query().Get("versions") == "true" {
				list = append(list, map[string]any{"name": name, "generation": strconv.FormatInt(v.generation, 10)})
			}
		}
	}
	k.paged("items", list)
}

// live is the newest version; nil when there is none.
func (c *Cloud) live(bucket, name string) *object {
	versions := c.objects[bucket][name]
	for i := range versions {
		if versions[i].live {
			return &versions[i]
		}
	}
	return nil
}

// matches checks ifGenerationMatch: 0 is for an object that must not be there.
func (k *call) matches(there *object) bool {
	want := k.request.URL.Query().Get("ifGenerationMatch")
	if want == "" || there == nil && want == "0" || there != nil && want == strconv.FormatInt(there.generation, 10) {
		return true
	}
	k.fail(http.StatusPreconditionFailed, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
	return false
}

func (c *Cloud) upload(k *call, bucket *Item) {
	name, content, err := parts(k.request, k.raw)
	if err != nil {
		k.fail(http.StatusBadRequest, "parseError", err.Error())
		return
	}
	there := c.live(bucket.ID, name)
	if !k.matches(there) {
		return
	}
	c.archive(bucket, name)
	c.next++
	c.objects[bucket.ID][name] = append(c.objects[bucket.ID][name], object{content, int64(c.next), true})
	k.answer(map[string]any{"name": name, "generation": strconv.Itoa(c.next)})
}

// archive makes the newest version an old one, or drops it where none are kept.
func (c *Cloud) archive(bucket *Item, name string) {
	kept := under(bucket.Body, "versioning", "enabled") == true
	var rest []object
	for _, v := range c.objects[bucket.ID][name] {
		if !v.live || kept {
			v.live = false
			rest = append(rest, v)
		}
	}
	c.objects[bucket.ID][name] = rest
}

// parts are the two of an upload: what it is called, and what is in it.
func parts(request *http.Request, raw []byte) (name, content string, err error) {
	_, parameters, err := mime.ParseMediaType(request.Header.Get("Content-Type"))
	if err != nil {
		return "", "", err
	}
	reader := multipart.NewReader(bufio.NewReader(bytes.NewReader(raw)), parameters["boundary"])
	var texts [][]byte
	for range 2 {
		part, err := reader.NextPart()
		if err != nil {
			return "", "", err
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return "", "", err
		}
		texts = append(texts, data)
	}
	var about struct{ Name string }
	if err := json.Unmarshal(texts[0], &about); err != nil || about.Name == "" {
		return "", "", fmt.Errorf("an object without a name: %w", err)
	}
	return about.Name, string(texts[1]), nil
}

func (c *Cloud) serveObject(k *call, bucket *Item, name string) {
	there := c.live(bucket.ID, name)
	if generation := k.request.URL.Query().Get("generation"); generation != "" && k.request.Method == http.MethodDelete {
		var rest []object
		for _, v := range c.objects[bucket.ID][name] {
			if strconv.FormatInt(v.generation, 10) != generation {
				rest = append(rest, v)
			}
		}
		if len(rest) == len(c.objects[bucket.ID][name]) {
			k.notFound(name)
			return
		}
		c.objects[bucket.ID][name] = rest
		k.WriteHeader(http.StatusNoContent)
		return
	}
	switch {
	case there == nil:
		k.fail(http.StatusNotFound, "notFound", "No such object: "+name)
	case !k.matches(there):
	case k.request.Method == http.MethodDelete:
		c.archive(bucket, name)
		k.WriteHeader(http.StatusNoContent)
	default:
		k.Header().Set("X-Goog-Generation", strconv.FormatInt(there.generation, 10))
		k.Header().Set("Content-Type", "application/json")
		if _, err := io.WriteString(k, there.text); err != nil {
			return // the caller is gone
		}
	}
}
