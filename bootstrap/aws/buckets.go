package aws

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/identity"
)

// bucketName is the bucket that the renderer writes into the components' configuration.
func (a *amazon) bucketName(use identity.Use) string {
	s := a.Cluster.Provider.Storage
	return map[identity.Use]string{identity.Metrics: s.Metrics, identity.Logs: s.Logs, identity.Rules: s.Rules}[use]
}

// addBuckets adds the one for rules first and lets the others depend on it: so it is removed last, with the lease in it.
func (a *amazon) addBuckets(g *engine.Graph) (first engine.Output[string], list []engine.Dependency) {
	first = a.addBucket(g, identity.Rules)
	list = append(list, first)
	for _, use := range identity.Uses() {
		if use != identity.Rules {
			list = append(list, a.addBucket(g, use, first))
		}
	}
	return first, list
}

func (a *amazon) addBucket(g *engine.Graph, use identity.Use, after ...engine.Dependency) engine.Output[string] {
	bucket, tags := a.bucketName(use), g.Tags(bucketResource(use))
	if a.Cluster.Provider.Storage.Given {
		return add(a, g, engine.Resource[string]{
			Name: bucketResource(use), Kind: "bucket", ID: bucket, Given: true, Uses: a.Amounts.Storage("aws", string(use)),
			Find: func(ctx context.Context) (engine.State[string], error) {
				_, err := a.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
				return engine.State[string]{Condition: engine.Ready, Output: bucket}, err
			},
		}, after...)
	}
	return add(a, g, engine.Resource[string]{
		// Emptying it may take very many calls.
		Name: bucketResource(use), Kind: "bucket", ID: bucket, Data: true, Expected: 5 * time.Second, Limit: time.Hour,
		Uses:   a.Amounts.Storage("aws", string(use)),
		Find:   func(ctx context.Context) (engine.State[string], error) { return a.findBucket(ctx, bucket, use) },
		Create: func(ctx context.Context) error { return a.createBucket(ctx, bucket, tags) },
		Reconcile: func(ctx context.Context, have engine.State[string]) error {
			return a.mendBucket(ctx, bucket, use, have.Drift[0].Field)
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			if use == identity.Rules {
				a.leaseGoes.Store(true)
			}
			return a.deleteBucket(ctx, bucket)
		},
	}, after...)
}

func bucketResource(use identity.Use) string { return "buckets/" + string(use) }

// createBucket makes it with its tags in one call.
func (a *amazon) createBucket(ctx context.Context, bucket string, tags map[string]string) error {
	settings := &types.CreateBucketConfiguration{}
	for _, pair := range pairs(tags) {
		settings.Tags = append(settings.Tags, types.Tag{Key: pair.Key, Value: pair.Value})
	}
	// The oldest region is the one that must not be named.
	if region := a.Cluster.Provider.Region; region != "us-east-1" {
		settings.LocationConstraint = types.BucketLocationConstraint(region)
	}
	_, err := a.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: settings})
	return err
}

// bucketTags are nil where there are none.
func (a *amazon) bucketTags(ctx context.Context, bucket string) (map[string]string, error) {
	answer, err := a.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
	if a.gone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, tag := range answer.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// Settings of a bucket, in the order in which they are made.
const (
	settingPublic     = "public access"
	settingEncryption = "encryption"
	settingVersions   = "versioning"
	settingLifecycle  = "lifecycle"
)

// findBucket looks at the settings of a bucket that is ours only.
func (a *amazon) findBucket(ctx context.Context, bucket string, use identity.Use) (engine.State[string], error) {
	found := engine.State[string]{Condition: engine.Ready, Output: bucket}
	_, err := a.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if answer := (*smithyhttp.ResponseError)(nil); errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusForbidden {
		found.Detail = "it is another account's, or you may not look at it"
		return found, nil
	}
	if err != nil {
		return engine.State[string]{}, err
	}
	if found.Tags, err = a.bucketTags(ctx, bucket); err != nil || found.Tags[engine.TagCluster] != a.Cluster.Name {
		return found, err
	}
	for _, setting := range []string{settingPublic, settingEncryption, settingVersions, settingLifecycle} {
		have, err := a.bucketSetting(ctx, bucket, setting)
		if err != nil {
			return engine.State[string]{}, err
		}
		if want := wantedSetting(use, setting); have != want {
			found.Drift = append(found.Drift, engine.Change{Field: setting, Have: have, Want: want})
		}
	}
	return found, nil
}

// wantedSetting describes a setting as bucketSetting does. Versions are kept where objects are few, written by people, and
// overwritten: rules. Blocks and chunks never change once written.
func wantedSetting(use identity.Use, setting string) string {
	return map[string]string{
		settingPublic: "blocked", settingEncryption: "AES256",
		settingVersions: map[bool]string{true: "Enabled", false: "off"}[use == identity.Rules], settingLifecycle: "7d/30d",
	}[setting]
}

func (a *amazon) bucketSetting(ctx context.Context, bucket, setting string) (string, error) {
	switch setting {
	case settingPublic:
		answer, err := a.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &bucket})
		if err != nil || answer.PublicAccessBlockConfiguration == nil {
			return "open", a.unlessGone(err)
		}
		return blockText(answer.PublicAccessBlockConfiguration), nil
	case settingEncryption:
		answer, err := a.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &bucket})
		if err != nil || answer.ServerSideEncryptionConfiguration == nil || len(answer.ServerSideEncryptionConfiguration.Rules) == 0 {
			return "off", a.unlessGone(err)
		}
		if by := answer.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault; by != nil {
			return string(by.SSEAlgorithm), nil
		}
		return "off", nil
	case settingVersions:
		answer, err := a.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
		if err != nil || answer.Status != types.BucketVersioningStatusEnabled {
			return "off", a.unlessGone(err)
		}
		return "Enabled", nil
	default:
		answer, err := a.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &bucket})
		if err != nil {
			return "none", a.unlessGone(err)
		}
		return lifecycleText(answer.Rules), nil
	}
}

func blockText(b *types.PublicAccessBlockConfiguration) string {
	if aws.ToBool(b.BlockPublicAcls) && aws.ToBool(b.BlockPublicPolicy) && aws.ToBool(b.IgnorePublicAcls) && aws.ToBool(b.RestrictPublicBuckets) {
		return "blocked"
	}
	return "partly open"
}

// unlessGone is nil for "there is no such setting".
func (a *amazon) unlessGone(err error) error {
	if a.gone(err) {
		return nil
	}
	return err
}

// Days of the lifecycle. Components delete what they stored by themselves; they do not delete parts of uploads that were
// never ended, and cannot delete old versions.
const (
	daysOfUploads  = 7
	daysOfVersions = 30
	lifecycleRule  = "opsgen"
)

func lifecycleText(rules []types.LifecycleRule) string {
	for _, r := range rules {
		whole := r.AbortIncompleteMultipartUpload != nil && r.NoncurrentVersionExpiration != nil
		if whole && aws.ToString(r.ID) == lifecycleRule && r.Status == types.ExpirationStatusEnabled {
			return fmt.Sprintf("%dd/%dd", aws.ToInt32(r.AbortIncompleteMultipartUpload.DaysAfterInitiation), aws.ToInt32(r.NoncurrentVersionExpiration.NoncurrentDays))
		}
	}
	return "other rules"
}

func (a *amazon) mendBucket(ctx context.Context, bucket string, use identity.Use, setting string) error {
	var err error
	switch setting {
	case settingPublic:
		// Threat: an access list or policy, written by mistake, that opens everybody's metrics to the world.
		block := &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
		}
		_, err = a.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &bucket, PublicAccessBlockConfiguration: block})
	case settingEncryption:
		by := &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}
		rules := &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: by}}}
		_, err = a.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &bucket, ServerSideEncryptionConfiguration: rules})
	case settingVersions:
		status := types.BucketVersioningStatusSuspended
		if use == identity.Rules {
			status = types.BucketVersioningStatusEnabled
		}
		_, err = a.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	default:
		_, err = a.s3.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{
			Bucket: &bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{
				Rules: []types.LifecycleRule{{
					ID: aws.String(lifecycleRule), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
					AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(daysOfUploads)},
					NoncurrentVersionExpiration:    &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(daysOfVersions)},
				}},
			},
		})
	}
	return err
}

// deleteBucket empties the bucket, all versions included, and removes it. It is asked for only with --delete-data.
func (a *amazon) deleteBucket(ctx context.Context, bucket string) error {
	pages := s3.NewListObjectVersionsPaginator(a.s3, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		var names []types.ObjectIdentifier
		for _, version := range page.Versions {
			names = append(names, types.ObjectIdentifier{Key: version.Key, VersionId: version.VersionId})
		}
		for _, marker := range page.DeleteMarkers {
			names = append(names, types.ObjectIdentifier{Key: marker.Key, VersionId: marker.VersionId})
		}
		if len(names) == 0 {
			continue
		}
		answer, err := a.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: names, Quiet: aws.Bool(true)}})
		if err != nil {
			return err
		}
		if len(answer.Errors) > 0 {
			return fmt.Errorf("empty the bucket: %s: %s", aws.ToString(answer.Errors[0].Key), aws.ToString(answer.Errors[0].Message))
		}
	}
	_, err := a.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	return err
}
