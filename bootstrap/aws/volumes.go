package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// volumesKind is what the disks of Kubernetes' volumes are called.
const volumesKind = "volumes that Kubernetes made"

// addVolumes adds the disks that are left of volumes. They are data, and belong to nothing else: they hold nobody up, and go
// last. The add-on that makes them gives them our own tag, so that disks of another cluster of that name, long gone, stay.
func (a *amazon) addVolumes(g *engine.Graph) {
	add(a, g, engine.Resource[[]string]{
		Name: "cluster/volumes", Kind: volumesKind, Part: true, Data: true,
		Find: func(ctx context.Context) (engine.State[[]string], error) {
			volumes, err := a.volumes(ctx, filter("tag:"+engine.TagCluster, g.Cluster))
			if err != nil || len(volumes) == 0 {
				return engine.State[[]string]{}, err
			}
			found := engine.State[[]string]{Condition: engine.Ready, Detail: fmt.Sprintf("%d disks", len(volumes))}
			for _, volume := range volumes {
				found.Output = append(found.Output, aws.ToString(volume.VolumeId))
			}
			return found, nil
		},
		Delete: func(ctx context.Context, have engine.State[[]string]) error {
			for _, id := range have.Output {
				if _, err := a.ec2.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: &id}); err != nil && !a.gone(err) {
					return err
				}
			}
			return nil
		},
	})
}

// volumes are disks that are there and not on their way out.
func (a *amazon) volumes(ctx context.Context, which ...types.Filter) ([]types.Volume, error) {
	var list []types.Volume
	there := append(which, filter("status", "creating", "available", "in-use", "error"))
	pages := ec2.NewDescribeVolumesPaginator(a.ec2, &ec2.DescribeVolumesInput{Filters: there})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		list = append(list, page.Volumes...)
	}
	return list, nil
}

// leftVolumes are disks of volumes by Kubernetes' own tag, which those have that are ours, and others of that name.
func (a *amazon) leftVolumes(ctx context.Context) ([]provider.Leftover, error) {
	var left []provider.Leftover
	known := []string{}
	for _, tag := range []types.Filter{filter("tag:"+engine.TagCluster, a.Cluster.Name), filter("tag:"+tagKubernetes+a.Cluster.Name, "owned")} {
		volumes, err := a.volumes(ctx, tag)
		if err != nil {
			return nil, fmt.Errorf("search for volumes: %w", err)
		}
		for _, volume := range volumes {
			id := aws.ToString(volume.VolumeId)
			if slices.Contains(known, id) {
				continue
			}
			known = append(known, id)
			left = append(left, provider.Leftover{
				Kind: "volume", ID: id, Why: strings.Replace(*tag.Name, "tag:", "tag ", 1), Data: true, Detail: fmt.Sprintf("%d GiB", aws.ToInt32(volume.Size)),
			})
		}
	}
	return left, nil
}
