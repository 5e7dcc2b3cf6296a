package aws

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// ours finds what EC2 has of one resource.
func ours(g *engine.Graph, name string) []types.Filter {
	return []types.Filter{filter("tag:"+engine.TagCluster, g.Cluster), filter("tag:"+engine.TagName, name)}
}

func filter(name string, values ...string) types.Filter {
	return types.Filter{Name: &name, Values: values}
}

// labelled are the tags of something that EC2 creates, given in the call that does.
func labelled(kind types.ResourceType, tags map[string]string, more ...string) []types.TagSpecification {
	spec := types.TagSpecification{ResourceType: kind, Tags: pairs(tags)}
	spec.Tags = append(spec.Tags, types.Tag{Key: aws.String("Name"), Value: aws.String(tags[engine.TagCluster] + " " + tags[engine.TagName])})
	for _, key := range more {
		spec.Tags = append(spec.Tags, types.Tag{Key: aws.String(key), Value: aws.String("1")})
	}
	return []types.TagSpecification{spec}
}

func pairs(tags map[string]string) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return list
}

func tagMap(list []types.Tag) map[string]string {
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

// single is the state of the only item found by tags; two are a mistake that somebody must look at.
func single[T any](items []T, state func(T) engine.State[string]) (engine.State[string], error) {
	switch {
	case len(items) == 0:
		return engine.State[string]{}, nil
	case len(items) > 1:
		var ids []string
		for _, item := range items {
			ids = append(ids, state(item).Output)
		}
		return engine.State[string]{}, fmt.Errorf("%w: %d have the same tags: %v", errTwice, len(items), ids)
	}
	return state(items[0]), nil
}
