package awsfake

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// object is a file in a bucket.
type object struct{ text, etag string }

type tagSet struct {
	Tags []struct{ Key, Value string } `xml:"Tags>Tag"`
}

// settings are the parts of a bucket that are read as they were written.
func settings() map[string]string {
	return map[string]string{
		"publicAccessBlock": "NoSuchPublicAccessBlockConfiguration", "encryption": "ServerSideEncryptionConfigurationNotFoundError",
		"versioning": "", "lifecycle": "NoSuchLifecycleConfiguration",
	}
}

// storageAction is the name of a call, which is not on the wire.
func storageAction(method, key string, query url.Values) string {
	verb := map[string]string{http.MethodGet: "Get", http.MethodPut: "Put", http.MethodDelete: "Delete", http.MethodHead: "Head", http.MethodPost: "Post"}[method]
	if key != "" {
		return verb + "Object"
	}
	for part, noun := range map[string]string{
		"tagging": "BucketTagging", "publicAccessBlock": "PublicAccessBlock", "encryption": "BucketEncryption", "versioning": "BucketVersioning",
		"lifecycle": "BucketLifecycleConfiguration",
	} {
		if query.Has(part) {
			return verb + noun
		}
	}
	switch {
	case query.Has("versions"):
		return "ListObjectVersions"
	case query.Has("delete"):
		return "DeleteObjects"
	case method == http.MethodPut:
		return "CreateBucket"
	}
	return verb + "Bucket"
}

func (c *Cloud) serveS3(k *call) {
	name, _, _ := strings.Cut(cmp.Or(k.request.Host, k.request.URL.Host), ".s3.")
	key := strings.TrimPrefix(k.request.URL.Path, "/")
	bucket := c.bucket(name)
	query, method := k.request.URL.Query(), k.request.Method
	if !c.begin(k, storageAction(method, key, query)) {
		return
	}
	if method == http.MethodPut && key == "" && len(query) == 0 {
		c.createBucket(k, name)
		return
	}
	if bucket == nil || !c.visible(bucket) {
		k.fail(http.StatusNotFound, "NoSuchBucket", "The specified bucket does not exist")
		return
	}
	if bucket.Props["foreign"] != "" {
		k.fail(http.StatusForbidden, "AccessDenied", "Access Denied")
		return
	}
	for setting, missing := range settings() {
		if query.Has(setting) {
			c.setting(k, bucket, setting, missing)
			return
		}
	}
	if key != "" {
		c.serveObject(k, name, key)
		return
	}
	c.serveBucket(k, bucket)
}

// serveBucket is about the bucket itself.
func (c *Cloud) serveBucket(k *call, bucket *Item) {
	name, query, method := bucket.ID, k.request.URL.Query(), k.request.Method
	switch {
	case query.Has("tagging"):
		c.bucketTagging(k, bucket)
	case query.Has("versions"):
		var body strings.Builder
		for key := range c.objects[name] {
			fmt.Fprintf(&body, "<Version><Key>%s</Key><VersionId>null</VersionId></Version>", key)
		}
		k.answerXML("<ListVersionsResult><IsTruncated>false</IsTruncated>" + body.String() + "</ListVersionsResult>")
	case query.Has("delete"):
		c.objects[name] = map[string]object{}
		k.answerXML("<DeleteResult></DeleteResult>")
	case method == http.MethodHead:
		k.Header().Set("x-amz-bucket-region", cmp.Or(bucket.Props["region"], c.Region))
		k.write(http.StatusOK, "application/xml", "")
	case method == http.MethodDelete && len(c.objects[name]) > 0:
		k.fail(http.StatusConflict, "BucketNotEmpty", "The bucket you tried to delete is not empty")
	case method == http.MethodDelete:
		c.remove(bucket)
		delete(c.objects, name)
		k.write(http.StatusNoContent, "application/xml", "")
	default:
		k.fail(http.StatusNotImplemented, "NotImplemented", k.request.URL.String())
	}
}

func (c *Cloud) bucket(name string) *Item {
	for _, i := range c.all("bucket") {
		if i.ID == name {
			return i
		}
	}
	return nil
}

func (c *Cloud) createBucket(k *call, name string) {
	if there := c.bucket(name); there != nil {
		code := map[bool]string{true: "BucketAlreadyExists", false: "BucketAlreadyOwnedByYou"}[there.Props["foreign"] != ""]
		k.fail(http.StatusConflict, code, "the bucket exists")
		return
	}
	var given struct {
		LocationConstraint string
		tagSet
	}
	if err := xml.Unmarshal(k.body, &given); err != nil || given.LocationConstraint != c.Region {
		k.fail(http.StatusBadRequest, "IllegalLocationConstraintException", fmt.Sprint("the location is wrong: ", err))
		return
	}
	i := Item{Kind: "bucket", ID: name, Tags: map[string]string{}}
	for _, tag := range given.Tags {
		i.Tags[tag.Key] = tag.Value
	}
	c.insert(i)
	c.objects[name] = map[string]object{}
	k.write(http.StatusOK, "application/xml", "")
}

func (c *Cloud) setting(k *call, bucket *Item, setting, missing string) {
	text, there := bucket.Props[setting]
	switch {
	case k.request.Method == http.MethodPut:
		bucket.Props[setting] = string(k.body)
		k.write(http.StatusOK, "application/xml", "")
	case !there && missing == "":
		k.answerXML("<VersioningConfiguration></VersioningConfiguration>")
	case !there:
		k.fail(http.StatusNotFound, missing, "there is no such configuration")
	default:
		k.answerXML(text)
	}
}

func (c *Cloud) bucketTagging(k *call, bucket *Item) {
	if len(bucket.Tags) == 0 {
		k.fail(http.StatusNotFound, "NoSuchTagSet", "The TagSet does not exist")
		return
	}
	var body strings.Builder
	for key, value := range bucket.Tags {
		fmt.Fprintf(&body, "<Tag><Key>%s</Key><Value>%s</Value></Tag>", key, value)
	}
	k.answerXML("<Tagging><TagSet>" + body.String() + "</TagSet></Tagging>")
}

func (c *Cloud) serveObject(k *call, bucket, key string) {
	there, exists := c.objects[bucket][key]
	header := k.request.Header
	if header.Get("If-None-Match") == "*" && exists || header.Get("If-Match") != "" && header.Get("If-Match") != there.etag {
		k.fail(http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
		return
	}
	switch {
	case k.request.Method == http.MethodPut:
		c.next++
		there = object{text: plain(k), etag: fmt.Sprintf("%q", fmt.Sprint(c.next))}
		c.objects[bucket][key] = there
		k.Header().Set("ETag", there.etag)
		k.write(http.StatusOK, "application/xml", "")
	case !exists:
		k.fail(http.StatusNotFound, "NoSuchKey", "The specified key does not exist.")
	case k.request.Method == http.MethodDelete:
		delete(c.objects[bucket], key)
		k.write(http.StatusNoContent, "application/xml", "")
	default:
		k.Header().Set("ETag", there.etag)
		k.write(http.StatusOK, "application/json", there.text)
	}
}

// PutObject writes an object, as somebody else would have.
func (c *Cloud) PutObject(bucket, key, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.objects[bucket][key] = object{text: text, etag: `"theirs"`}
}

// plain is a body without the chunks that the SDK signs one by one.
func plain(k *call) string {
	text := string(k.body)
	if !strings.Contains(k.request.Header.Get("Content-Encoding"), "aws-chunked") {
		return text
	}
	var body strings.Builder
	for {
		head, rest, found := strings.Cut(text, "\r\n")
		var size int
		if _, err := fmt.Sscanf(head, "%x", &size); !found || err != nil || size == 0 || size > len(rest) {
			return body.String()
		}
		body.WriteString(rest[:size])
		text = strings.TrimPrefix(rest[size:], "\r\n")
	}
}
