package aws

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// daysOfKey is how long a deleted key can still be called back: the least that KMS allows.
const daysOfKey = 7

// addKey adds the key that Kubernetes' Secrets are encrypted with before they reach etcd. It goes with the cluster: it
// opens nothing but what goes, too.
func (a *amazon) addKey(g *engine.Graph) engine.Output[string] {
	if a.Cluster.Provider.Key != "" {
		return a.addGivenKey(g)
	}
	const name = "cluster/key"
	alias := "alias/opsgen-" + g.Cluster
	key := add(a, g, engine.Resource[string]{
		Name: name, Kind: "key", Expected: 5 * time.Second, Uses: []engine.Use{{Item: "aws/key", Quantity: 1}},
		Find: func(ctx context.Context) (engine.State[string], error) { return a.findKey(ctx, g, name, alias) },
		Create: func(ctx context.Context) error {
			about := "opsgen: Secrets of the cluster " + g.Cluster
			input := &kms.CreateKeyInput{Description: &about, KeySpec: types.KeySpecSymmetricDefault, KeyUsage: types.KeyUsageTypeEncryptDecrypt}
			for _, pair := range pairs(g.Tags(name)) {
				input.Tags = append(input.Tags, types.Tag{TagKey: pair.Key, TagValue: pair.Value})
			}
			_, err := a.kms.CreateKey(ctx, input)
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := a.kms.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: &have.Output, PendingWindowInDays: aws.Int32(daysOfKey)})
			return err
		},
	})
	a.addAlias(g, key, alias)
	return key
}

// addAlias gives the key a name that people see, and by which it is found quickly.
func (a *amazon) addAlias(g *engine.Graph, key engine.Output[string], alias string) {
	add(a, g, engine.Resource[string]{
		Name: "cluster/key-alias", Kind: "alias", ID: alias, Part: true, Expected: 3 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			want, err := key.Get(ctx)
			if err != nil {
				return engine.State[string]{}, err
			}
			answer, err := a.kms.ListAliases(ctx, &kms.ListAliasesInput{KeyId: &want})
			if err != nil {
				return engine.State[string]{}, err
			}
			for _, there := range answer.Aliases {
				if aws.ToString(there.AliasName) == alias {
					return engine.State[string]{Condition: engine.Ready, Output: alias}, nil
				}
			}
			return engine.State[string]{}, nil
		},
		Create: func(ctx context.Context) error {
			want, err := key.Get(ctx)
			if err != nil {
				return err
			}
			_, err = a.kms.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &alias, TargetKeyId: &want})
			return err
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			_, err := a.kms.DeleteAlias(ctx, &kms.DeleteAliasInput{AliasName: &alias})
			return err
		},
	}, key)
}

// findKey looks behind the alias first. Without one it looks at the tags of all keys: keys have no names, and the run that
// made ours may have been killed before it gave it one.
func (a *amazon) findKey(ctx context.Context, g *engine.Graph, name, alias string) (engine.State[string], error) {
	found, err := a.keyState(ctx, alias, g, name)
	if err != nil && !a.gone(err) || found.Condition != engine.Absent {
		return found, err
	}
	pages := kms.NewListKeysPaginator(a.kms, &kms.ListKeysInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return engine.State[string]{}, err
		}
		for _, key := range page.Keys {
			found, err := a.keyState(ctx, aws.ToString(key.KeyId), g, name)
			switch {
			case err != nil && a.Classify(err).Class == engine.Refused, a.gone(err):
				continue // a key that we may not look at is not ours
			case err != nil:
				return engine.State[string]{}, err
			case found.Condition != engine.Absent:
				return found, nil
			}
		}
	}
	return engine.State[string]{}, nil
}

// keyState is Absent for keys that are not ours, and for those that wait for their end.
func (a *amazon) keyState(ctx context.Context, id string, g *engine.Graph, name string) (engine.State[string], error) {
	answer, err := a.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	if err != nil {
		return engine.State[string]{}, err
	}
	key := answer.KeyMetadata
	if key.KeyManager == types.KeyManagerTypeAws || key.KeyState == types.KeyStatePendingDeletion {
		return engine.State[string]{}, nil
	}
	listed, err := a.kms.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: key.KeyId})
	if err != nil {
		return engine.State[string]{}, err
	}
	tags := map[string]string{}
	for _, tag := range listed.Tags {
		tags[aws.ToString(tag.TagKey)] = aws.ToString(tag.TagValue)
	}
	if tags[engine.TagCluster] != g.Cluster || tags[engine.TagName] != name {
		return engine.State[string]{}, nil
	}
	ready := pendingUntil(key.KeyState == types.KeyStateEnabled)
	return engine.State[string]{Condition: ready, Output: aws.ToString(key.Arn), Tags: tags, Detail: string(key.KeyState)}, nil
}
