package existing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/identity"
)

// storage is an S3-compatible storage that the user has keys for.
type storage struct {
	client *s3.Client
	// names are the buckets by what they are for.
	names map[identity.Use]string
}

func newStorage(t provider.Target) *storage {
	named := t.Cluster.Provider.Storage
	region := t.Cluster.Provider.Region
	if region == "" {
		region = "us-east-1" // S3 clients must name one; the renderer names the same
	}
	keys := aws.Credentials{AccessKeyID: t.Keys.Access, SecretAccessKey: t.Keys.Secret}
	return &storage{
		client: s3.New(s3.Options{
			BaseEndpoint: aws.String("https://" + named.Endpoint), Region: region, UsePathStyle: true,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }),
			HTTPClient:  &http.Client{Transport: transport(t), Timeout: time.Minute},
			// The engine retries: it knows whether a write may be repeated.
			RetryMaxAttempts: 1,
		}),
		names: map[identity.Use]string{identity.Metrics: named.Metrics, identity.Logs: named.Logs, identity.Rules: named.Rules},
	}
}

// resources adds the buckets.
func (s *storage) resources(g *engine.Graph) []engine.Dependency {
	var buckets []engine.Dependency
	for _, use := range identity.Uses() {
		name, bucket := "buckets/"+string(use), s.names[use]
		buckets = append(buckets, engine.Add(g, engine.Resource[string]{
			Name: name, Kind: "bucket", ID: bucket, Data: true, Expected: time.Second,
			Find: func(ctx context.Context) (engine.State[string], error) { return s.find(ctx, bucket) },
			Create: func(ctx context.Context) error {
				return s.create(ctx, bucket, g.Tags(name))
			},
			Delete: func(ctx context.Context, _ engine.State[string]) error { return s.delete(ctx, bucket) },
		}))
	}
	return buckets
}

// find takes a bucket that is there and that the keys open as it is. Only one with our tags is ever deleted, and stores
// without tags have none.
func (s *storage) find(ctx context.Context, bucket string) (engine.State[string], error) {
	_, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if verdict, _ := classifyStorage(err); err != nil && verdict.Class == engine.Gone {
		return engine.State[string]{}, nil
	}
	if err != nil {
		return engine.State[string]{}, fmt.Errorf("look for the bucket: %w", err)
	}
	found := engine.State[string]{Condition: engine.Ready, Output: bucket, Borrowed: true, Tags: map[string]string{}}
	tags, err := s.client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
	switch verdict, answered := classifyStorage(err); {
	case err == nil:
	case answered && (verdict.Class == engine.Gone || verdict.Class == engine.Refused):
		// Having no tags is an error in S3, and stores that know no tags have errors of their own.
		return found, nil
	default:
		return engine.State[string]{}, fmt.Errorf("read the bucket's tags: %w", err)
	}
	for _, tag := range tags.TagSet {
		found.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return found, nil
}

// create makes the bucket and tags it; a store that knows no tags leaves it untagged, and so it is never deleted.
func (s *storage) create(ctx context.Context, bucket string, tags map[string]string) error {
	if _, err := s.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		return fmt.Errorf("create the bucket: %w", err)
	}
	set := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		set = append(set, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	_, err := s.client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{TagSet: set}})
	if verdict, known := classifyStorage(err); err != nil && (!known || verdict.Class != engine.Refused) {
		return fmt.Errorf("tag the bucket: %w", err)
	}
	return nil
}

// delete empties the bucket and removes it.
func (s *storage) delete(ctx context.Context, bucket string) error {
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return fmt.Errorf("list the bucket: %w", err)
		}
		var names []types.ObjectIdentifier
		for _, object := range page.Contents {
			names = append(names, types.ObjectIdentifier{Key: object.Key})
		}
		if len(names) == 0 {
			continue
		}
		if _, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: names}}); err != nil {
			return fmt.Errorf("empty the bucket: %w", err)
		}
	}
	if _, err := s.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
		return fmt.Errorf("delete the bucket: %w", err)
	}
	return nil
}

// classifyStorage tells S3's errors apart; it is false for errors that are no answer.
func classifyStorage(err error) (engine.Verdict, bool) {
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) || answer.HTTPStatusCode() == 0 {
		return engine.Verdict{Class: engine.Uncertain}, false
	}
	var named smithy.APIError
	code := ""
	if errors.As(err, &named) {
		code = named.ErrorCode()
	}
	status := answer.HTTPStatusCode()
	switch {
	case code == "BucketAlreadyOwnedByYou":
		return engine.Verdict{Class: engine.Exists}, true
	case code == "BucketAlreadyExists":
		return engine.Verdict{Hint: "Choose another name in cluster.yaml (provider.storage)."}, true
	case code == "SlowDown", status == http.StatusTooManyRequests:
		return engine.Verdict{Class: engine.Throttled}, true
	case code == "BucketNotEmpty", code == "OperationAborted":
		return engine.Verdict{Class: engine.Blocked}, true
	case status == http.StatusNotFound:
		return engine.Verdict{Class: engine.Gone}, true
	case status == http.StatusForbidden:
		return engine.Verdict{Hint: "The keys do not open it: check OPSGEN_S3_ACCESS_KEY and OPSGEN_S3_SECRET_KEY, or choose another bucket's name."}, true
	case status == http.StatusNotImplemented:
		return engine.Verdict{}, true
	case status >= http.StatusInternalServerError:
		return engine.Verdict{Class: engine.Uncertain}, true
	}
	return engine.Verdict{}, true
}
