package aws

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// Kubernetes is upgraded by the graph as it is: the control plane differs from cluster.yaml, then the add-ons that EKS does
// not list for the new version, then the nodes of one zone after the other. Each waits for what it depends on, so a run that
// was killed goes on where it stopped.

// mostSkew is how many minor versions a kubelet may be older than the API server (kubernetes.io, version skew policy, since
// 1.28).
const mostSkew = 3

// refusal is something that bootstrap will not do, whoever asks.
type refusal struct{ problem, hint string }

// Error is the problem.
func (r *refusal) Error() string { return r.problem }

// minor is 35 for "1.35".
func minor(version string) (int, error) {
	text, found := strings.CutPrefix(version, "1.")
	n, err := strconv.Atoi(text)
	if !found || err != nil {
		return 0, fmt.Errorf("%q is not a version of Kubernetes; write one like 1.35", version)
	}
	return n, nil
}

// oneStep refuses everything but the next minor version: control planes go neither back nor over one.
func oneStep(have, want string) error {
	from, err := minor(have)
	if err != nil {
		return err
	}
	to, err := minor(want)
	switch {
	case err != nil:
		return err
	case to < from:
		return &refusal{
			fmt.Sprintf("the cluster runs Kubernetes %s and cannot go back to %s", have, want),
			fmt.Sprintf("Write kubernetes: \"%s\" in cluster.yaml, and render again.", have),
		}
	case to > from+1:
		return &refusal{
			fmt.Sprintf("the cluster runs Kubernetes %s and is upgraded one minor version at a time, not to %s at once", have, want),
			fmt.Sprintf("Write kubernetes: \"1.%d\" in cluster.yaml, render, and run up; then take the next one.", from+1),
		}
	}
	return nil
}

// upgradeCluster brings the control plane to the next version.
func (a *amazon) upgradeCluster(ctx context.Context, have string) error {
	want := a.Cluster.Kubernetes
	if err := oneStep(have, want); err != nil {
		return err
	}
	_, err := a.eks.UpdateClusterVersion(ctx, &eks.UpdateClusterVersionInput{
		Name: &a.Cluster.Name, Version: &want, ClientRequestToken: aws.String(tokenOf(a.run, "cluster", have, want)),
	})
	return err
}

// offeredAddons are the versions of an add-on that fit the wanted Kubernetes, EKS' default first. They are asked for once a
// run.
func (a *amazon) offeredAddons(ctx context.Context, addon string) ([]string, error) {
	if known, ok := a.addons.Load(addon); ok {
		if list, ok := known.([]string); ok {
			return list, nil
		}
	}
	answer, err := a.eks.DescribeAddonVersions(ctx, &eks.DescribeAddonVersionsInput{AddonName: &addon, KubernetesVersion: &a.Cluster.Kubernetes})
	if err != nil {
		return nil, err
	}
	var list []string
	for _, info := range answer.Addons {
		for _, version := range info.AddonVersions {
			name := aws.ToString(version.AddonVersion)
			for _, fits := range version.Compatibilities {
				switch {
				case aws.ToString(fits.ClusterVersion) != a.Cluster.Kubernetes:
				case fits.DefaultVersion:
					list = append([]string{name}, list...)
				default:
					list = append(list, name)
				}
			}
		}
	}
	a.addons.Store(addon, list)
	return list, nil
}

// addonDrift is an add-on whose version does not fit the wanted Kubernetes. One that fits stays, however old: what changes
// in a cluster must follow from cluster.yaml, and not from the day.
func (a *amazon) addonDrift(ctx context.Context, addon, have string) ([]engine.Change, error) {
	offered, err := a.offeredAddons(ctx, addon)
	if err != nil || len(offered) == 0 {
		return nil, err
	}
	for _, version := range offered {
		if version == have {
			return nil, nil
		}
	}
	return []engine.Change{{Field: "version", Have: have, Want: offered[0]}}, nil
}

func (a *amazon) upgradeAddon(ctx context.Context, addon, version string) error {
	_, err := a.eks.UpdateAddon(ctx, &eks.UpdateAddonInput{
		ClusterName: &a.Cluster.Name, AddonName: &addon, AddonVersion: &version, ResolveConflicts: types.ResolveConflictsOverwrite,
		ConfigurationValues: a.addonSettings(addon), ClientRequestToken: aws.String(tokenOf(a.run, addon, version)),
	})
	return err
}

// nodeUpgradeTime is for one node: EKS takes one after the other, each of which is emptied first.
const nodeUpgradeTime = 5 * time.Minute

// addNodesVersion upgrades the nodes of one zone, after those of the zones before it. EKS empties a node as `kubectl drain`
// does, so that disruption budgets hold: they let one zone at a time be away.
func (a *amazon) addNodesVersion(g *engine.Graph, zone string, after ...engine.Dependency) engine.Dependency {
	name := "cluster/nodes-version-" + zone
	return add(a, g, engine.Resource[string]{
		Name: name, Kind: "node version", ID: zone, Part: true,
		Expected: time.Duration(a.NodesInZone().Least) * nodeUpgradeTime, Limit: a.NodesInZone().UpgradeLimit(),
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := a.eks.DescribeNodegroup(ctx, &eks.DescribeNodegroupInput{ClusterName: &g.Cluster, NodegroupName: &zone})
			if err != nil {
				return engine.State[string]{}, err
			}
			return a.nodesVersion(ctx, answer.Nodegroup)
		},
		Reconcile: func(ctx context.Context, have engine.State[string]) error {
			answer, err := a.eks.UpdateNodegroupVersion(ctx, &eks.UpdateNodegroupVersionInput{
				ClusterName: &g.Cluster, NodegroupName: &zone, Version: &a.Cluster.Kubernetes, ReleaseVersion: a.nodeRelease(),
				ClientRequestToken: aws.String(tokenOf(a.run, name, have.Output, a.Cluster.Kubernetes, a.Cluster.Provider.NodeRelease)),
			})
			if err == nil && answer.Update != nil {
				a.updates.Store(zone, aws.ToString(answer.Update.Id))
			}
			return err
		},
	}, after...)
}

// nodesVersion is the version that new nodes of a group get, and the release of their image where cluster.yaml names one.
// Nodes that are newer than wanted are left: the control plane, or preflight, says what is wrong.
func (a *amazon) nodesVersion(ctx context.Context, group *types.Nodegroup) (engine.State[string], error) {
	have, want := aws.ToString(group.Version), a.Cluster.Kubernetes
	found := engine.State[string]{Condition: engine.Ready, Output: have, Detail: string(group.Status)}
	if group.Status == types.NodegroupStatusUpdating {
		found.Condition = engine.Pending
		return found, nil
	}
	from, err := minor(have)
	if err != nil {
		return found, nil // a version that cannot be read is not changed
	}
	to, err := minor(want)
	switch release := aws.ToString(group.ReleaseVersion); {
	case err != nil:
		return found, err
	case to > from:
		found.Drift = []engine.Change{{Field: "Kubernetes", Have: have, Want: want}}
	case to == from && olderRelease(release, a.Cluster.Provider.NodeRelease):
		found.Drift = []engine.Change{{Field: "release", Have: release, Want: a.Cluster.Provider.NodeRelease}}
	default:
		return found, nil
	}
	why, err := a.lastUpdate(ctx, aws.ToString(group.NodegroupName))
	if why != "" {
		found.Detail = why
	}
	return found, err
}

// lastUpdate says why this run's update of a zone's nodes failed; empty when it did not.
func (a *amazon) lastUpdate(ctx context.Context, zone string) (string, error) {
	known, _ := a.updates.Load(zone)
	id, _ := known.(string)
	if id == "" {
		return "", nil
	}
	answer, err := a.eks.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: &a.Cluster.Name, NodegroupName: &zone, UpdateId: &id})
	if err != nil || answer.Update == nil || answer.Update.Status != types.UpdateStatusFailed {
		return "", err
	}
	why := "EKS gave the update up"
	for _, e := range answer.Update.Errors {
		why += ": " + string(e.ErrorCode) + ": " + aws.ToString(e.ErrorMessage)
	}
	return why, nil
}

// refused is the refusal inside an error; nil when there is none.
func refused(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}
