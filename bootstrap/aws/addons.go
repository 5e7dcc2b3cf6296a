package aws

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/identity"
)

// addAddon adds what EKS itself keeps in the cluster, in the version that it recommends. Add-ons are made beside the nodes,
// which need the network to become ready, as CoreDNS needs the nodes.
func (a *amazon) addAddon(g *engine.Graph, addon string, accounts map[string]engine.Output[string], more ...engine.Dependency) engine.Dependency {
	name, after := "cluster/addon-"+addon, append([]engine.Dependency{a.cluster}, more...)
	for _, role := range accounts {
		after = append(after, role)
	}
	return add(a, g, engine.Resource[string]{
		Name: name, Kind: "add-on", ID: addon, Expected: addonTime, Limit: 30 * time.Minute,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := a.eks.DescribeAddon(ctx, &eks.DescribeAddonInput{ClusterName: &g.Cluster, AddonName: &addon})
			if err != nil {
				return engine.State[string]{}, err
			}
			found, err := a.remember(name)(addonState(answer.Addon), nil)
			if err == nil && found.Condition == engine.Ready {
				found.Drift, err = a.addonDrift(ctx, addon, aws.ToString(answer.Addon.AddonVersion))
			}
			return found, err
		},
		Create: func(ctx context.Context) error {
			input := &eks.CreateAddonInput{
				ClusterName: &g.Cluster, AddonName: &addon, ResolveConflicts: types.ResolveConflictsOverwrite,
				ConfigurationValues: a.addonSettings(addon), ClientRequestToken: a.token(g, name), Tags: g.Tags(name),
			}
			for account, role := range accounts {
				arn, err := role.Get(ctx)
				if err != nil {
					return err
				}
				input.PodIdentityAssociations = append(input.PodIdentityAssociations, types.AddonPodIdentityAssociations{ServiceAccount: &account, RoleArn: &arn})
			}
			_, err := a.eks.CreateAddon(ctx, input)
			return err
		},
		Reconcile: func(ctx context.Context, have engine.State[string]) error {
			return a.upgradeAddon(ctx, addon, have.Drift[0].Want)
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			_, err := a.eks.DeleteAddon(ctx, &eks.DeleteAddonInput{ClusterName: &g.Cluster, AddonName: &addon})
			return err
		},
	}, after...)
}

// storageAddon makes volumes; it is somebody in the cloud.
const storageAddon = "aws-ebs-csi-driver"

// addonNames are all add-ons.
func addonNames() []string {
	return []string{"vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "metrics-server", storageAddon}
}

// addonSettings are what differs from the add-ons' defaults. Volumes get a tag of ours, by which `down --delete-data` knows
// them (docs.aws.amazon.com, EBS CSI driver add-on: controller.extraVolumeTags in its configuration).
//
// Threat: a pod that is taken over reaches what it must not. The bundle's NetworkPolicies stand between, and the VPC CNI
// takes no notice of any unless it is told to.
func (a *amazon) addonSettings(addon string) *string {
	switch addon {
	case "vpc-cni":
		return aws.String(`{"enableNetworkPolicy":"true"}`)
	case storageAddon:
		return aws.String(fmt.Sprintf(`{"controller":{"extraVolumeTags":{%q:%q}}}`, engine.TagCluster, a.Cluster.Name))
	}
	return nil
}

// addonState takes DEGRADED for a state that passes: it is what an add-on is until there are nodes.
func addonState(addon *types.Addon) engine.State[string] {
	conditions := map[types.AddonStatus]engine.Condition{
		types.AddonStatusActive: engine.Ready, types.AddonStatusDeleting: engine.Deleting, types.AddonStatusCreateFailed: engine.Failed,
		types.AddonStatusDeleteFailed: engine.Ready, types.AddonStatusUpdateFailed: engine.Ready,
	}
	found := engine.State[string]{Condition: engine.Pending, Output: aws.ToString(addon.AddonArn), Tags: addon.Tags, Detail: string(addon.Status)}
	if condition, known := conditions[addon.Status]; known {
		found.Condition = condition
	}
	if addon.Health != nil && len(addon.Health.Issues) > 0 {
		found.Detail += ": " + aws.ToString(addon.Health.Issues[0].Message)
	}
	return found
}

// addAssociation lets one service account be its role.
func (a *amazon) addAssociation(g *engine.Graph, account identity.Account, role engine.Output[string]) engine.Dependency {
	name := "cluster/identity-" + account.Component
	return add(a, g, engine.Resource[string]{
		Name: name, Kind: "pod identity", ID: account.Namespace + "/" + account.Name, Expected: 5 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			listed, err := a.eks.ListPodIdentityAssociations(ctx, &eks.ListPodIdentityAssociationsInput{
				ClusterName: &g.Cluster, Namespace: &account.Namespace, ServiceAccount: &account.Name,
			})
			if err != nil || len(listed.Associations) == 0 {
				return engine.State[string]{}, err
			}
			id := listed.Associations[0].AssociationId
			answer, err := a.eks.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: &g.Cluster, AssociationId: id})
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: aws.ToString(id), Tags: answer.Association.Tags}
			have := aws.ToString(answer.Association.RoleArn)
			if want, err := role.Get(ctx); err == nil && have != want {
				found.Drift = []engine.Change{{Field: "role", Have: have, Want: want}}
			}
			return found, nil
		},
		Create: func(ctx context.Context) error {
			arn, err := role.Get(ctx)
			if err != nil {
				return err
			}
			_, err = a.eks.CreatePodIdentityAssociation(ctx, &eks.CreatePodIdentityAssociationInput{
				ClusterName: &g.Cluster, Namespace: &account.Namespace, ServiceAccount: &account.Name, RoleArn: &arn,
				ClientRequestToken: a.token(g, name, arn), Tags: g.Tags(name),
			})
			return err
		},
		Reconcile: func(ctx context.Context, have engine.State[string]) error {
			arn, err := role.Get(ctx)
			if err != nil {
				return err
			}
			_, err = a.eks.UpdatePodIdentityAssociation(ctx, &eks.UpdatePodIdentityAssociationInput{ClusterName: &g.Cluster, AssociationId: &have.Output, RoleArn: &arn})
			return err
		},
		Delete: func(ctx context.Context, have engine.State[string]) error {
			_, err := a.eks.DeletePodIdentityAssociation(ctx, &eks.DeletePodIdentityAssociationInput{ClusterName: &g.Cluster, AssociationId: &have.Output})
			return err
		},
	}, a.cluster, role)
}
