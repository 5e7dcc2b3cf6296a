package aws

import (
	"context"
	"path"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/identity"
)

// roles are the ARNs of what the cluster needs, and what must be there before anybody uses them.
type roles struct {
	cluster, nodes, volumes engine.Output[string]
	// clusterReady, nodesReady and volumesReady are their policies.
	clusterReady, nodesReady, volumesReady []engine.Dependency
	// workloads are by component; a component that cluster.yaml gives a role has none here.
	workloads map[string]engine.Output[string]
}

// addIdentities adds the roles of EKS itself and of each component that is somebody in the cloud.
func (a *amazon) addIdentities(g *engine.Graph, zone engine.Output[string]) *roles {
	r := &roles{workloads: map[string]engine.Output[string]{}}
	r.cluster = a.addRole(g, "cluster", trust("eks.amazonaws.com", "sts:AssumeRole"))
	r.clusterReady = a.attachAll(g, "cluster", r.cluster, "AmazonEKSClusterPolicy")
	r.nodes = a.addRole(g, "nodes", trust("ec2.amazonaws.com", "sts:AssumeRole"))
	r.nodesReady = a.attachAll(g, "nodes", r.nodes, "AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonEKS_CNI_Policy")
	r.volumes = a.addRole(g, "volumes", a.podTrust())
	r.volumesReady = a.attachAll(g, "volumes", r.volumes, "service-role/AmazonEBSCSIDriverPolicy")
	for _, account := range identity.Accounts(a.Cluster.Provider.Name) {
		if a.Cluster.Provider.Identities[account.Component] != "" {
			continue
		}
		role := a.addRole(g, account.Component, a.podTrust())
		a.addRights(g, account, role, zone)
		r.workloads[account.Component] = role
	}
	return r
}

func (a *amazon) addRole(g *engine.Graph, component, trusted string) engine.Output[string] {
	name, role := "identities/"+component, identity.Role(g.Cluster, component)
	return add(a, g, engine.Resource[string]{
		Name: name, Kind: "role", ID: role, Expected: 5 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &role})
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: aws.ToString(answer.Role.Arn), Tags: map[string]string{}}
			for _, tag := range answer.Role.Tags {
				found.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
			if !samePolicy(aws.ToString(answer.Role.AssumeRolePolicyDocument), trusted) {
				found.Drift = []engine.Change{{Field: "trust", Have: "other", Want: "ours"}}
			}
			return found, nil
		},
		Create: func(ctx context.Context) error {
			about := "opsgen: " + component + " of the cluster " + g.Cluster
			input := &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &trusted, Description: &about}
			for _, pair := range pairs(g.Tags(name)) {
				input.Tags = append(input.Tags, types.Tag{Key: pair.Key, Value: pair.Value})
			}
			_, err := a.iam.CreateRole(ctx, input)
			return err
		},
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			_, err := a.iam.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: &trusted})
			return err
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			_, err := a.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &role})
			return err
		},
	})
}

// attachAll gives a role policies that AWS keeps.
func (a *amazon) attachAll(g *engine.Graph, component string, to engine.Output[string], names ...string) []engine.Dependency {
	role := identity.Role(g.Cluster, component)
	var list []engine.Dependency
	for _, name := range names {
		arn := "arn:" + a.partition() + ":iam::aws:policy/" + name
		short := path.Base(name)
		list = append(list, add(a, g, engine.Resource[string]{
			Name: "identities/" + component + "-" + short, Kind: "policy", ID: short, Part: true, Expected: 3 * time.Second,
			Find: func(ctx context.Context) (engine.State[string], error) {
				answer, err := a.iam.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &role})
				if err != nil {
					return engine.State[string]{}, err
				}
				for _, attached := range answer.AttachedPolicies {
					if aws.ToString(attached.PolicyArn) == arn {
						return engine.State[string]{Condition: engine.Ready, Output: arn}, nil
					}
				}
				return engine.State[string]{}, nil
			},
			Create: func(ctx context.Context) error {
				_, err := a.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &arn})
				return err
			},
			Delete: func(ctx context.Context, _ engine.State[string]) error {
				_, err := a.iam.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &role, PolicyArn: &arn})
				return err
			},
		}, to))
	}
	return list
}

// addRights adds the policy of one component.
func (a *amazon) addRights(g *engine.Graph, account identity.Account, to, zone engine.Output[string]) {
	after := []engine.Dependency{to}
	if account.DNS {
		after = append(after, zone)
	}
	a.addInline(g, "identities/"+account.Component+"-rights", identity.Role(g.Cluster, account.Component), func(ctx context.Context) (string, error) {
		if !account.DNS {
			return a.rights(account, ""), nil
		}
		id, err := zone.Get(ctx)
		return a.rights(account, id), err
	}, after...)
}

// addInline adds a policy that is part of a role.
func (a *amazon) addInline(g *engine.Graph, name, role string, wanted func(context.Context) (string, error), after ...engine.Dependency) engine.Dependency {
	put := func(ctx context.Context) error {
		text, err := wanted(ctx)
		if err != nil {
			return err
		}
		_, err = a.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String(policyName), PolicyDocument: &text})
		return err
	}
	return add(a, g, engine.Resource[string]{
		Name: name, Kind: "policy", ID: role, Part: true, Expected: 3 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := a.iam.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: aws.String(policyName)})
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: role}
			want, err := wanted(ctx)
			if err == nil && !samePolicy(aws.ToString(answer.PolicyDocument), want) {
				found.Drift = []engine.Change{{Field: "rights", Have: "other", Want: "ours"}}
			}
			// Without what it is about, what it should be is not known; that it is there is.
			return found, nil
		},
		Create:    put,
		Reconcile: func(ctx context.Context, _ engine.State[string]) error { return put(ctx) },
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			_, err := a.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &role, PolicyName: aws.String(policyName)})
			return err
		},
	}, after...)
}

// policyName is the only policy inside a role.
const policyName = "opsgen"
