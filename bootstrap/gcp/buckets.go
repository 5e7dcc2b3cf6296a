package gcp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/storage/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/identity"
)

// buckets are those of a cluster. The first holds the lease.
type buckets struct {
	first engine.Output[string]
	all   map[identity.Use]engine.Output[string]
}

// bucketName is the bucket that the renderer writes into the components' configuration.
func (c *cloud) bucketName(use identity.Use) string {
	s := c.Cluster.Provider.Storage
	return map[identity.Use]string{identity.Metrics: s.Metrics, identity.Logs: s.Logs, identity.Rules: s.Rules}[use]
}

// addBuckets adds the one for rules first and lets the others depend on it: so it is removed last, with the lease in it.
func (c *cloud) addBuckets(g *engine.Graph, enabled engine.Dependency) buckets {
	b := buckets{all: map[identity.Use]engine.Output[string]{}}
	b.first = c.addBucket(g, identity.Rules, enabled)
	for _, use := range identity.Uses() {
		b.all[use] = b.first
		if use != identity.Rules {
			b.all[use] = c.addBucket(g, use, b.first, enabled)
		}
	}
	return b
}

func bucketResource(use identity.Use) string { return "buckets/" + string(use) }

func (c *cloud) addBucket(g *engine.Graph, use identity.Use, after ...engine.Dependency) engine.Output[string] {
	name, bucket := bucketResource(use), c.bucketName(use)
	if c.Cluster.Provider.Storage.Given {
		return c.addGivenBucket(g, name, bucket, c.Amounts.Storage("gcp", string(use)), after...)
	}
	return add(c, g, engine.Resource[string]{
		// Emptying it may take very many calls.
		Name: name, Kind: "bucket", ID: bucket, Data: true, Expected: 5 * time.Second, Limit: time.Hour,
		Uses:   c.Amounts.Storage("gcp", string(use)),
		Find:   func(ctx context.Context) (engine.State[string], error) { return c.findBucket(ctx, bucket, use) },
		Create: func(ctx context.Context) error { return c.createBucket(ctx, use, g.Tags(name)) },
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			want := c.wantedBucket(use)
			_, err := c.storage.Buckets.Patch(bucket, &want).Context(ctx).Do()
			return err
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			if use == identity.Rules {
				c.leaseGoes.Store(true)
			}
			return c.deleteBucket(ctx, bucket)
		},
	}, after...)
}

// Days of the lifecycle. Components delete what they stored by themselves; they do not delete parts of uploads that were
// never ended, and cannot delete old versions.
const (
	daysOfUploads  = 7
	daysOfVersions = 30
)

// wantedBucket are the settings of a bucket. Versions are kept where objects are few, written by people, and overwritten:
// rules. Blocks and chunks never change once written, and are deleted by the thousand when they are compacted: Cloud Storage
// would keep each for a week, and have it paid for.
func (c *cloud) wantedBucket(use identity.Use) storage.Bucket {
	days, uploads := int64(daysOfVersions), int64(daysOfUploads)
	return storage.Bucket{
		// Threat: an access list or policy, written by mistake, that opens everybody's metrics to the world. Access lists are
		// off, and policies cannot name everybody.
		IamConfiguration: &storage.BucketIamConfiguration{
			PublicAccessPrevention:   "enforced",
			UniformBucketLevelAccess: &storage.BucketIamConfigurationUniformBucketLevelAccess{Enabled: true},
		},
		Versioning:       &storage.BucketVersioning{Enabled: use == identity.Rules, ForceSendFields: []string{"Enabled"}},
		SoftDeletePolicy: &storage.BucketSoftDeletePolicy{RetentionDurationSeconds: 0, ForceSendFields: []string{"RetentionDurationSeconds"}},
		Lifecycle: &storage.BucketLifecycle{Rule: []*storage.BucketLifecycleRule{
			{Action: &storage.BucketLifecycleRuleAction{Type: "AbortIncompleteMultipartUpload"}, Condition: &storage.BucketLifecycleRuleCondition{Age: &uploads}},
			{Action: &storage.BucketLifecycleRuleAction{Type: "Delete"}, Condition: &storage.BucketLifecycleRuleCondition{DaysSinceNoncurrentTime: days}},
		}},
	}
}

// createBucket makes it with its labels and settings in one call.
func (c *cloud) createBucket(ctx context.Context, use identity.Use, owned map[string]string) error {
	bucket := c.wantedBucket(use)
	bucket.Name, bucket.Location, bucket.StorageClass, bucket.Labels = c.bucketName(use), c.region(), "STANDARD", labels(owned)
	_, err := c.storage.Buckets.Insert(c.project(), &bucket).Context(ctx).Do()
	return err
}

// findBucket looks at the settings of a bucket that is ours only.
func (c *cloud) findBucket(ctx context.Context, bucket string, use identity.Use) (engine.State[string], error) {
	found := engine.State[string]{Condition: engine.Ready, Output: bucket}
	there, err := c.storage.Buckets.Get(bucket).Context(ctx).Do()
	if answer := (*googleapi.Error)(nil); errors.As(err, &answer) && answer.Code == http.StatusForbidden && c.Classify(err).Hint == hintDenied {
		found.Detail = "it is another project's, or you may not look at it"
		return found, nil
	}
	if err != nil {
		return engine.State[string]{}, err
	}
	found.Tags = tags(there.Labels)
	if found.Tags[engine.TagCluster] != c.Cluster.Name {
		return found, nil
	}
	wanted := c.wantedBucket(use)
	want := bucketSettings(&wanted)
	for i, have := range bucketSettings(there) {
		if have.Have != want[i].Have {
			found.Drift = append(found.Drift, engine.Change{Field: have.Field, Have: have.Have, Want: want[i].Have})
		}
	}
	return found, nil
}

// bucketSettings describes the settings of a bucket.
func bucketSettings(b *storage.Bucket) []engine.Change {
	access, public, versions, deleted, lifecycle := "by object", "possible", "off", "kept", "none"
	if i := b.IamConfiguration; i != nil {
		if i.UniformBucketLevelAccess != nil && i.UniformBucketLevelAccess.Enabled {
			access = "by bucket"
		}
		if i.PublicAccessPrevention == "enforced" {
			public = "prevented"
		}
	}
	if b.Versioning != nil && b.Versioning.Enabled {
		versions = "on"
	}
	if b.SoftDeletePolicy == nil || b.SoftDeletePolicy.RetentionDurationSeconds == 0 {
		deleted = "gone"
	}
	if b.Lifecycle != nil {
		lifecycle = lifecycleText(b.Lifecycle.Rule)
	}
	return []engine.Change{
		{Field: "access", Have: access},
		{Field: "public access", Have: public},
		{Field: "versioning", Have: versions},
		{Field: "deleted objects", Have: deleted},
		{Field: "lifecycle", Have: lifecycle},
	}
}

func lifecycleText(rules []*storage.BucketLifecycleRule) string {
	var parts []string
	for _, r := range rules {
		if r.Action == nil || r.Condition == nil {
			continue
		}
		days := r.Condition.DaysSinceNoncurrentTime
		if r.Condition.Age != nil {
			days = *r.Condition.Age
		}
		parts = append(parts, fmt.Sprintf("%s %dd", r.Action.Type, days))
	}
	slices.Sort(parts)
	return fmt.Sprint(parts)
}

// objectsAtOnce is how many objects are deleted side by side: Cloud Storage deletes one with each call.
const objectsAtOnce = 32

// deleteBucket empties the bucket, all versions included, and removes it. It is asked for only with --delete-data. What one
// call has no time for, the next one goes on with.
func (c *cloud) deleteBucket(ctx context.Context, bucket string) error {
	err := c.storage.Objects.List(bucket).Versions(true).Fields("nextPageToken", "items(name,generation)").Pages(ctx, func(page *storage.Objects) error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(objectsAtOnce)
		for _, object := range page.Items {
			group.Go(func() error {
				err := c.storage.Objects.Delete(bucket, object.Name).Generation(object.Generation).Context(ctx).Do()
				if c.gone(err) {
					return nil
				}
				return err
			})
		}
		return group.Wait()
	})
	if err != nil {
		return err
	}
	return c.storage.Buckets.Delete(bucket).Context(ctx).Do()
}
