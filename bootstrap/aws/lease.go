package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/identity"
)

// leaseObject lies in the bucket for rules, where components look only below folders of their own. In the bucket for
// metrics, Cortex takes everything at the top for a tenant (Cortex 1.21, pkg/util/users, scanner).
const leaseObject = "opsgen-lease.json"

// leases keeps the lease as an object that is written only if nobody else wrote it: S3 checks ETags.
type leases struct{ *amazon }

// Read implements engine.Leases.
func (l leases) Read(ctx context.Context) (engine.Lease, string, error) {
	var lease engine.Lease
	answer, err := l.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: l.bucket(), Key: aws.String(leaseObject)})
	if l.gone(err) {
		return lease, "", nil
	}
	if err != nil {
		return lease, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return lease, "", err
	}
	if err := json.Unmarshal(text, &lease); err != nil {
		return lease, "", fmt.Errorf("%w: %w", engine.ErrUnreadable, err)
	}
	return lease, aws.ToString(answer.ETag), nil
}

func (l leases) bucket() *string { return aws.String(l.bucketName(identity.Rules)) }

// Place implements engine.Placed.
func (l leases) Place() string { return "s3://" + *l.bucket() + "/" + leaseObject }

// errNoBucket is for a bucket that cluster.yaml says is there.
var errNoBucket = errors.New("cluster.yaml says that it is there")

// Write implements engine.Leases. The first one makes the bucket; it never writes into a bucket that is not ours.
func (l leases) Write(ctx context.Context, lease engine.Lease, version string) (string, error) {
	if l.leaseGoes.Load() {
		return version, nil // written now, it would be in the way of the bucket's end
	}
	text, err := json.Marshal(lease)
	if err != nil {
		return "", err
	}
	input := &s3.PutObjectInput{Bucket: l.bucket(), Key: aws.String(leaseObject), Body: bytes.NewReader(text), ContentType: aws.String("application/json")}
	if version == "" {
		if err := l.ensureBucket(ctx); err != nil {
			return "", err
		}
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = &version
	}
	answer, err := l.s3.PutObject(ctx, input)
	if err != nil {
		return "", lost(err)
	}
	return aws.ToString(answer.ETag), nil
}

func (l leases) ensureBucket(ctx context.Context) error {
	name, resource := *l.bucket(), bucketResource(identity.Rules)
	_, err := l.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	if l.Cluster.Provider.Storage.Given {
		if l.gone(err) {
			return fmt.Errorf("there is no bucket %s: %w", name, errNoBucket)
		}
		return err
	}
	if l.gone(err) {
		g := engine.NewGraph(l.Cluster.Name, l.Bundle.Version)
		err = l.createBucket(ctx, name, g.Tags(resource))
		if verdict := l.Classify(err); err != nil && verdict.Class == engine.Exists {
			return engine.ErrLost // somebody was quicker: look again
		}
		return err
	}
	if err != nil {
		return err
	}
	tags, err := l.bucketTags(ctx, name)
	if err == nil && (tags[engine.TagCluster] != l.Cluster.Name || tags[engine.TagName] != resource) {
		return fmt.Errorf("the bucket %s: %w", name, engine.ErrForeign)
	}
	return err
}

// Remove implements engine.Leases.
func (l leases) Remove(ctx context.Context, version string) error {
	if l.leaseGoes.Load() {
		return nil
	}
	_, err := l.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: l.bucket(), Key: aws.String(leaseObject), IfMatch: &version})
	return lost(err)
}

// lost is engine.ErrLost for a condition that does not hold, which S3 answers with 412, and with 409 while another writes.
func lost(err error) error {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		switch answer.HTTPStatusCode() {
		case http.StatusPreconditionFailed, http.StatusConflict, http.StatusNotFound:
			return engine.ErrLost
		}
	}
	return err
}
