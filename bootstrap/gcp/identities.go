package gcp

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/api/cloudresourcemanager/v3"
	"google.golang.org/api/dns/v1"
	"google.golang.org/api/iam/v1"
	"google.golang.org/api/storage/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/identity"
)

// Roles that Google keeps.
const (
	// roleNode is what a node needs: to write logs and metrics of its own. It opens no data.
	roleNode = "roles/container.defaultNodeServiceAccount"
	// roleObjects is to read, write, list and delete objects, but not to change the bucket.
	roleObjects = "roles/storage.objectUser"
	// roleList is to list a bucket's objects; it cannot be narrowed to names that begin in one way.
	roleList = "roles/storage.legacyBucketReader"
	// roleZone is to change the records of a zone; it is given on that zone only.
	roleZone = "roles/dns.admin"
	// roleZones is to find the zone among all of the project. Cloud DNS knows no narrower one for that.
	roleZones = "roles/dns.reader"
)

// nodeIdentity is who nodes are, and their rights.
type nodeIdentity struct {
	account engine.Output[string]
	rights  engine.Dependency
}

// addNodeIdentity adds the service account of the nodes.
//
// Threat: nodes run as the project's default account unless they are given another, and that one may edit the project.
func (c *cloud) addNodeIdentity(g *engine.Graph, enabled engine.Dependency) nodeIdentity {
	const name = "identities/nodes"
	id := identity.GoogleAccount(g.Cluster, "nodes")
	address := fmt.Sprintf("%s@%s.iam.gserviceaccount.com", id, c.project())
	account := add(c, g, engine.Resource[string]{
		Name: name, Kind: "service account", ID: id, Expected: 5 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := c.iam.Projects.ServiceAccounts.Get(c.serviceAccount(address)).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			found := engine.State[string]{Condition: engine.Ready, Output: answer.Email, Tags: described(answer.Description)}
			if answer.Disabled {
				found.Drift = []engine.Change{{Field: "account", Have: "disabled", Want: "enabled"}}
			}
			return found, nil
		},
		Create: func(ctx context.Context) error {
			_, err := c.iam.Projects.ServiceAccounts.Create("projects/"+c.project(), &iam.CreateServiceAccountRequest{
				AccountId: id, ServiceAccount: &iam.ServiceAccount{DisplayName: "opsgen: nodes of " + g.Cluster, Description: description(g.Tags(name))},
			}).Context(ctx).Do()
			return err
		},
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			_, err := c.iam.Projects.ServiceAccounts.Enable(c.serviceAccount(address), &iam.EnableServiceAccountRequest{}).Context(ctx).Do()
			return err
		},
		Delete: func(ctx context.Context, _ engine.State[string]) error {
			_, err := c.iam.Projects.ServiceAccounts.Delete(c.serviceAccount(address)).Context(ctx).Do()
			return err
		},
	}, enabled)
	rights := c.addAccess(g, "identities/nodes-rights", id, c.projectPolicy(), func(context.Context) ([]grant, error) {
		return []grant{{role: roleNode, member: "serviceAccount:" + address}}, nil
	}, account)
	return nodeIdentity{account, rights}
}

func (c *cloud) serviceAccount(address string) string {
	return "projects/" + c.project() + "/serviceAccounts/" + address
}

func (c *cloud) projectPolicy() guarded {
	name := "projects/" + c.project()
	return policyOf(func(ctx context.Context) (*cloudresourcemanager.Policy, error) {
		return c.projects.Projects.GetIamPolicy(name, &cloudresourcemanager.GetIamPolicyRequest{
			Options: &cloudresourcemanager.GetPolicyOptions{RequestedPolicyVersion: policyVersion},
		}).Context(ctx).Do()
	}, func(ctx context.Context, p *cloudresourcemanager.Policy) error {
		_, err := c.projects.Projects.SetIamPolicy(name, &cloudresourcemanager.SetIamPolicyRequest{Policy: p}).Context(ctx).Do()
		return err
	})
}

func (c *cloud) bucketPolicy(bucket string) guarded {
	return policyOf(func(ctx context.Context) (*storage.Policy, error) {
		return c.storage.Buckets.GetIamPolicy(bucket).OptionsRequestedPolicyVersion(policyVersion).Context(ctx).Do()
	}, func(ctx context.Context, p *storage.Policy) error {
		p.ForceSendFields = []string{"Bindings"} // a policy for nobody must say so
		_, err := c.storage.Buckets.SetIamPolicy(bucket, p).Context(ctx).Do()
		return err
	})
}

func (c *cloud) zonePolicy(zone string) guarded {
	name := "projects/" + c.project() + "/managedZones/" + zone
	return policyOf(func(ctx context.Context) (*dns.GoogleIamV1Policy, error) {
		return c.dns.ManagedZones.GetIamPolicy(name, &dns.GoogleIamV1GetIamPolicyRequest{
			Options: &dns.GoogleIamV1GetPolicyOptions{RequestedPolicyVersion: policyVersion},
		}).Context(ctx).Do()
	}, func(ctx context.Context, p *dns.GoogleIamV1Policy) error {
		_, err := c.dns.ManagedZones.SetIamPolicy(name, &dns.GoogleIamV1SetIamPolicyRequest{Policy: p}).Context(ctx).Do()
		return err
	})
}

// accounts are the components that are somebody here: a Kubernetes service account is named in policies as it is. One that
// cluster.yaml gives a service account of the user's own has its rights from there.
func (c *cloud) accounts() []identity.Account {
	var list []identity.Account
	for _, a := range identity.Accounts(c.Cluster.Provider.Name) {
		if c.Cluster.Provider.Identities[a.Component] == "" {
			list = append(list, a)
		}
	}
	return list
}

// addRights adds what components may do. The pool that they are members of comes with the cluster: Google refuses to name
// them before.
func (c *cloud) addRights(g *engine.Graph, buckets buckets, zone engine.Output[string]) []engine.Dependency {
	var list []engine.Dependency
	for _, use := range identity.Uses() {
		bucket := c.bucketName(use)
		if len(c.bucketGrants(use, "")) > 0 {
			list = append(list, c.addAccess(g, "identities/"+string(use)+"-rights", bucket, c.bucketPolicy(bucket),
				c.granted(func(number string) []grant { return c.bucketGrants(use, number) }), c.place, buckets.all[use], c.cluster))
		}
	}
	if len(c.zoneGrants(roleZone, "")) == 0 {
		return list
	}
	name := c.zoneName()
	return append(list,
		c.addAccess(g, "identities/dns-rights", name, c.zonePolicy(name), c.granted(func(number string) []grant { return c.zoneGrants(roleZone, number) }),
			c.place, zone, c.cluster),
		c.addAccess(g, "identities/dns-finder", c.project(), c.projectPolicy(), c.granted(func(number string) []grant { return c.zoneGrants(roleZones, number) }),
			c.place, c.cluster),
	)
}

// granted are grants to members, whose names hold the project's number.
func (c *cloud) granted(grants func(number string) []grant) func(context.Context) ([]grant, error) {
	return func(ctx context.Context) ([]grant, error) {
		place, err := c.place.Get(ctx)
		if err != nil {
			return nil, err
		}
		return grants(place.number), nil
	}
}

// bucketGrants are the rights of all components on one bucket.
//
// Threat: a component that is taken over reads or deletes another's data. It has no rights there; in the bucket that two
// share, each has them only below names of its own. It can see the names of all, which are no secret.
func (c *cloud) bucketGrants(use identity.Use, number string) []grant {
	var list []grant
	for _, a := range c.accounts() {
		member := identity.GoogleMember(number, c.project(), a)
		for _, g := range a.Buckets {
			if g.Use != use {
				continue
			}
			if len(g.Prefixes) == 0 {
				list = append(list, grant{role: roleObjects, member: member})
				continue
			}
			list = append(list, grant{role: roleList, member: member}, grant{role: roleObjects, member: member, condition: c.below(use, g.Prefixes)})
		}
	}
	return list
}

// below is the condition that an object's name begins in one of the ways.
func (c *cloud) below(use identity.Use, prefixes []string) string {
	expression := ""
	for i, prefix := range prefixes {
		if i > 0 {
			expression += " || "
		}
		expression += fmt.Sprintf("resource.name.startsWith(%q)", "projects/_/buckets/"+c.bucketName(use)+"/objects/"+prefix)
	}
	return expression
}

func (c *cloud) zoneGrants(role, number string) []grant {
	var list []grant
	for _, a := range c.accounts() {
		if a.DNS {
			list = append(list, grant{role: role, member: identity.GoogleMember(number, c.project(), a)})
		}
	}
	return list
}
