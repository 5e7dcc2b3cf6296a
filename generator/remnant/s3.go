package remnant

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// S3 lists buckets of S3 and of stores that speak like it.
type S3 struct {
	client *s3.Client
	plain  bool // the store lists no versions
}

// NewS3 prepares a client with the credentials of the environment: variables, a profile, or what the machine has.
// endpoint is a URL, for stores other than Amazon's; "" is Amazon's. No bucket is asked yet; that there are no credentials
// is said at once, in words: the first request would bury it under those of everything that was tried.
func NewS3(ctx context.Context, region, endpoint string) (*S3, error) {
	settings, err := config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("read the credentials for S3: %w", err)
	}
	if _, err := settings.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("there are no credentials for S3: set AWS_PROFILE after aws sso login, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: %w", err)
	}
	return &S3{client: s3.NewFromConfig(settings, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint, o.UsePathStyle = aws.String(endpoint), true
		}
	})}, nil
}

// URL is "s3://bucket/key".
func (s *S3) URL(bucket, key string) string { return "s3://" + bucket + "/" + key }

// Versions is false once the store has said that it lists none.
func (s *S3) Versions() bool { return !s.plain }

// List lists objects with their versions, and without where the store does not know that request.
func (s *S3) List(ctx context.Context, bucket, prefix string, each func(Object)) error {
	pages := s3.NewListObjectVersionsPaginator(s.client, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix})
	for !s.plain && pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if unknownRequest(err) {
			s.plain = true
			break
		}
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			each(Object{Key: aws.ToString(v.Key), Size: aws.ToInt64(v.Size), Old: !aws.ToBool(v.IsLatest)})
		}
		for _, m := range page.DeleteMarkers {
			each(Object{Key: aws.ToString(m.Key), Old: true})
		}
	}
	if !s.plain {
		return nil
	}
	plain := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for plain.HasMorePages() {
		page, err := plain.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			each(Object{Key: aws.ToString(o.Key), Size: aws.ToInt64(o.Size)})
		}
	}
	return nil
}

// Folders lists folders, by objects that are current or that were.
func (s *S3) Folders(ctx context.Context, bucket, prefix string) ([]string, error) {
	slash := "/"
	pages := s3.NewListObjectVersionsPaginator(s.client, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix, Delimiter: &slash})
	var found []string
	for !s.plain && pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if unknownRequest(err) {
			s.plain = true
			break
		}
		if err != nil {
			return nil, err
		}
		for _, p := range page.CommonPrefixes {
			found = append(found, aws.ToString(p.Prefix))
		}
	}
	if !s.plain {
		return found, nil
	}
	plain := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix, Delimiter: &slash})
	for plain.HasMorePages() {
		page, err := plain.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, p := range page.CommonPrefixes {
			found = append(found, aws.ToString(p.Prefix))
		}
	}
	return found, nil
}

// unknownRequest says that the store does not know how to list versions. Everything else, above all a missing right, is no
// reason to look at less.
func unknownRequest(err error) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && (answer.ErrorCode() == "NotImplemented" || strings.Contains(answer.ErrorCode(), "VersioningNotConfigured"))
}
