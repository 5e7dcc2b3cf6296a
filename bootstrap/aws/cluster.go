package aws

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/price"
	"github.com/opsgen/opsgen/generator/identity"
)

// controlPlane is how EKS' API server is reached.
type controlPlane struct {
	// version is that of Kubernetes ("1.35"), vpc the network that it is in.
	version, vpc string
	endpoint     string
	ca           []byte
}

// How long things take, for progress and the longest path.
const (
	controlPlaneTime = 10 * time.Minute
	nodesTime        = 3 * time.Minute
	addonTime        = time.Minute
)

// addCluster adds EKS. What it gives must be ready before pods can run.
func (a *amazon) addCluster(g *engine.Graph, n *network, r *roles, records engine.Dependency) []engine.Dependency {
	key, logs := a.addKey(g), a.addLogs(g)
	a.addVolumes(g)
	// The control plane uses the key as this role.
	r.clusterReady = append(r.clusterReady, a.addInline(g, "cluster/key-rights", identity.Role(g.Cluster, "cluster"), func(ctx context.Context) (string, error) {
		arn, err := key.Get(ctx)
		return policy(statement{Action: []string{"kms:Encrypt", "kms:Decrypt", "kms:DescribeKey", "kms:ListGrants"}, Resource: []string{arn}}), err
	}, key, r.cluster))
	a.cluster = a.addControlPlane(g, n, r, key, records, logs)
	ready := a.addNodes(g, n, r)
	for _, name := range addonNames() {
		if name == storageAddon {
			ready = append(ready, a.addAddon(g, name, map[string]engine.Output[string]{"ebs-csi-controller-sa": r.volumes}, r.volumesReady...))
			continue
		}
		ready = append(ready, a.addAddon(g, name, nil))
	}
	before := slices.Clone(ready)
	for _, zone := range a.Cluster.Provider.Zones {
		before = append(before, a.addNodesVersion(g, zone, before...))
	}
	for _, account := range identity.Accounts(a.Cluster.Provider.Name) {
		if role, ours := r.workloads[account.Component]; ours {
			ready = append(ready, a.addAssociation(g, account, role))
		}
	}
	return ready
}

func (a *amazon) addControlPlane(
	g *engine.Graph, n *network, r *roles, key engine.Output[string], before ...engine.Dependency,
) engine.Output[controlPlane] {
	const name = "cluster/control-plane"
	after := append(engine.After(n.private), r.cluster, key, n.swept)
	return add(a, g, engine.Resource[controlPlane]{
		Name: name, Kind: "EKS cluster", ID: g.Cluster, Expected: controlPlaneTime, Limit: 40 * time.Minute,
		Uses:   []engine.Use{{Item: "aws/cluster", Quantity: price.HoursPerMonth}},
		Find:   func(ctx context.Context) (engine.State[controlPlane], error) { return a.findCluster(ctx, g.Cluster) },
		Create: func(ctx context.Context) error { return a.createCluster(ctx, g, name, n, r, key) },
		// EKS makes one change at a time.
		Reconcile: func(ctx context.Context, have engine.State[controlPlane]) error {
			if have.Drift[0].Field == accessField {
				return a.changeAccess(ctx)
			}
			return a.upgradeCluster(ctx, have.Output.version)
		},
		Delete: func(ctx context.Context, _ engine.State[controlPlane]) error {
			_, err := a.eks.DeleteCluster(ctx, &eks.DeleteClusterInput{Name: &g.Cluster})
			return err
		},
	}, append(append(after, before...), r.clusterReady...)...)
}

// logTypes are what the control plane writes to CloudWatch: who did what, and who logged in. The others are for AWS'
// support and cost as much.
func logTypes() []types.LogType {
	return []types.LogType{types.LogTypeAudit, types.LogTypeAuthenticator}
}

func (a *amazon) createCluster(ctx context.Context, g *engine.Graph, name string, n *network, r *roles, key engine.Output[string]) error {
	subnets, err := all(ctx, n.private)
	if err != nil {
		return err
	}
	role, err := r.cluster.Get(ctx)
	if err != nil {
		return err
	}
	secrets, err := key.Get(ctx)
	if err != nil {
		return err
	}
	_, err = a.eks.CreateCluster(ctx, &eks.CreateClusterInput{
		Name: &g.Cluster, Version: aws.String(a.Cluster.Kubernetes), RoleArn: &role,
		ResourcesVpcConfig: a.accessRequest(subnets),
		AccessConfig: &types.CreateAccessConfigRequest{
			AuthenticationMode: types.AuthenticationModeApi, BootstrapClusterCreatorAdminPermissions: aws.Bool(true),
		},
		BootstrapSelfManagedAddons: aws.Bool(false),
		EncryptionConfig:           []types.EncryptionConfig{{Provider: &types.Provider{KeyArn: &secrets}, Resources: []string{"secrets"}}},
		Logging:                    &types.Logging{ClusterLogging: []types.LogSetup{{Enabled: aws.Bool(true), Types: logTypes()}}},
		// The other kind costs six times as much once a version is old, without asking.
		UpgradePolicy:      &types.UpgradePolicyRequest{SupportType: types.SupportTypeStandard},
		ClientRequestToken: a.token(g, name, subnets...), Tags: g.Tags(name),
	})
	return err
}

func (a *amazon) findCluster(ctx context.Context, name string) (engine.State[controlPlane], error) {
	answer, err := a.eks.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if err != nil {
		return engine.State[controlPlane]{}, err
	}
	c := answer.Cluster
	conditions := map[types.ClusterStatus]engine.Condition{
		types.ClusterStatusActive: engine.Ready, types.ClusterStatusDeleting: engine.Deleting, types.ClusterStatusFailed: engine.Failed,
	}
	found := engine.State[controlPlane]{Condition: engine.Pending, Detail: string(c.Status), Tags: c.Tags}
	if condition, known := conditions[c.Status]; known {
		found.Condition = condition
	}
	if c.Health != nil && len(c.Health.Issues) > 0 {
		found.Detail += ": " + aws.ToString(c.Health.Issues[0].Message)
	}
	if network := c.ResourcesVpcConfig; network != nil {
		found.Output.vpc = aws.ToString(network.VpcId)
		if have, want := accessText(network.EndpointPublicAccess, network.PublicAccessCidrs), a.access(); have != want && found.Condition == engine.Ready {
			found.Drift = append(found.Drift, engine.Change{Field: accessField, Have: have, Want: want})
		}
	}
	found.Output.version = aws.ToString(c.Version)
	found.Output.endpoint = aws.ToString(c.Endpoint)
	if c.CertificateAuthority != nil {
		if found.Output.ca, err = base64.StdEncoding.DecodeString(aws.ToString(c.CertificateAuthority.Data)); err != nil {
			return found, fmt.Errorf("read the cluster's certificate authority: %w", err)
		}
	}
	if have := found.Output.version; have != a.Cluster.Kubernetes && found.Condition == engine.Ready {
		found.Drift = append(found.Drift, engine.Change{Field: "Kubernetes", Have: have, Want: a.Cluster.Kubernetes})
	}
	return found, nil
}
