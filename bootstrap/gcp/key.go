package gcp

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"google.golang.org/api/cloudkms/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// roleKey is to encrypt and decrypt with a key.
const roleKey = "roles/cloudkms.cryptoKeyEncrypterDecrypter"

// keyName is the key's name in its ring.
const keyName = "secrets"

// keyRegret is how long a version that is to be destroyed can still be called back: 7 days.
const keyRegret = "604800s"

// States of a key's version.
const (
	versionEnabled    = "ENABLED"
	versionGenerating = "PENDING_GENERATION"
)

// clusterKey is what the cluster needs of its key.
type clusterKey struct {
	name   engine.Output[string]
	rights engine.Dependency
}

// addKey adds the key that Kubernetes' Secrets are encrypted with before they reach etcd. It goes with the cluster: it opens
// nothing but what goes, too. Google never deletes key rings and keys, only what a key consists of, its versions: a key
// without a living version counts as gone, and is given a new one when the cluster is made again.
func (c *cloud) addKey(g *engine.Graph, enabled engine.Dependency) clusterKey {
	key := c.addKeyItself(g, enabled)
	rights := c.addAccess(g, "cluster/key-rights", last(c.key()), c.keyPolicy(), func(ctx context.Context) ([]grant, error) {
		place, err := c.place.Get(ctx)
		// GKE's control plane uses the key as this account, which Google makes when the API is enabled.
		agent := fmt.Sprintf("serviceAccount:service-%s@container-engine-robot.iam.gserviceaccount.com", place.number)
		return []grant{{role: roleKey, member: agent}}, err
	}, c.place, key)
	return clusterKey{key, rights}
}

func (c *cloud) addKeyItself(g *engine.Graph, enabled engine.Dependency) engine.Output[string] {
	if c.Cluster.Provider.Key != "" {
		return c.addGivenKey(g, enabled)
	}
	ring := c.addKeyRing(g, enabled)
	const name = "cluster/key"
	return add(c, g, engine.Resource[string]{
		Name: name, Kind: "key", ID: c.called() + "/" + keyName, Expected: 5 * time.Second, Uses: []engine.Use{{Item: "gcp/key", Quantity: 1}},
		Find:   func(ctx context.Context) (engine.State[string], error) { return c.findKey(ctx) },
		Create: func(ctx context.Context) error { return c.createKey(ctx, g.Tags(name)) },
		Reconcile: func(ctx context.Context, _ engine.State[string]) error {
			versions, err := c.keyVersions(ctx, versionEnabled)
			if err != nil || len(versions) == 0 {
				return err
			}
			_, err = c.kms.Projects.Locations.KeyRings.CryptoKeys.UpdatePrimaryVersion(c.key(), &cloudkms.UpdateCryptoKeyPrimaryVersionRequest{
				CryptoKeyVersionId: last(versions[0]),
			}).Context(ctx).Do()
			return err
		},
		Delete: c.destroyKey,
	}, ring)
}

func (c *cloud) keyRing() string { return c.location() + "/keyRings/" + c.called() }
func (c *cloud) key() string {
	return cmp.Or(c.Cluster.Provider.Key, c.keyRing()+"/cryptoKeys/"+keyName)
}

// addKeyRing adds the folder of the key. It has no labels and stays for ever; whose the key in it is, the key says.
func (c *cloud) addKeyRing(g *engine.Graph, enabled engine.Dependency) engine.Output[string] {
	return add(c, g, engine.Resource[string]{
		Name: "cluster/key-ring", Kind: "key ring", ID: c.called(), Expected: 3 * time.Second,
		Find: func(ctx context.Context) (engine.State[string], error) {
			answer, err := c.kms.Projects.Locations.KeyRings.Get(c.keyRing()).Context(ctx).Do()
			if err != nil {
				return engine.State[string]{}, err
			}
			return engine.State[string]{Condition: engine.Ready, Output: answer.Name, Borrowed: true, Detail: "Google keeps key rings for ever"}, nil
		},
		Create: func(ctx context.Context) error {
			_, err := c.kms.Projects.Locations.KeyRings.Create(c.location(), &cloudkms.KeyRing{}).KeyRingId(c.called()).Context(ctx).Do()
			return err
		},
	}, enabled)
}

func (c *cloud) findKey(ctx context.Context) (engine.State[string], error) {
	key, err := c.kms.Projects.Locations.KeyRings.CryptoKeys.Get(c.key()).Context(ctx).Do()
	if err != nil {
		return engine.State[string]{}, err
	}
	found := engine.State[string]{Condition: engine.Ready, Output: key.Name, Tags: tags(key.Labels)}
	if key.Primary != nil && key.Primary.State == versionEnabled {
		return found, nil
	}
	living, err := c.keyVersions(ctx, versionEnabled, versionGenerating)
	if err != nil {
		return engine.State[string]{}, err
	}
	ready, err := c.keyVersions(ctx, versionEnabled)
	switch {
	case err != nil:
		return engine.State[string]{}, err
	case len(living) == 0 && tags(key.Labels)[engine.TagCluster] == c.Cluster.Name:
		return engine.State[string]{}, nil
	case len(ready) == 0:
		found.Condition, found.Detail = engine.Pending, "its version is being made"
	default:
		found.Drift = []engine.Change{{Field: "primary version", Have: "none", Want: last(ready[0])}}
	}
	return found, nil
}

// keyVersions are the names of the key's versions in one of the states.
func (c *cloud) keyVersions(ctx context.Context, states ...string) ([]string, error) {
	var names []string
	call := c.kms.Projects.Locations.KeyRings.CryptoKeys.CryptoKeyVersions.List(c.key())
	err := call.Pages(ctx, func(page *cloudkms.ListCryptoKeyVersionsResponse) error {
		for _, version := range page.CryptoKeyVersions {
			for _, state := range states {
				if version.State == state {
					names = append(names, version.Name)
				}
			}
		}
		return nil
	})
	return names, err
}

// createKey makes the key, or a version of one whose versions are all gone.
func (c *cloud) createKey(ctx context.Context, owned map[string]string) error {
	keys := c.kms.Projects.Locations.KeyRings.CryptoKeys
	_, err := keys.Get(c.key()).Context(ctx).Do()
	switch {
	case c.gone(err):
		_, err = keys.Create(c.keyRing(), &cloudkms.CryptoKey{
			Purpose: "ENCRYPT_DECRYPT", Labels: labels(owned), DestroyScheduledDuration: keyRegret,
			VersionTemplate: &cloudkms.CryptoKeyVersionTemplate{Algorithm: "GOOGLE_SYMMETRIC_ENCRYPTION", ProtectionLevel: "SOFTWARE"},
		}).CryptoKeyId(keyName).Context(ctx).Do()
	case err == nil:
		_, err = keys.CryptoKeyVersions.Create(c.key(), &cloudkms.CryptoKeyVersion{}).Context(ctx).Do()
	}
	return err
}

// destroyKey begins the end of all living versions; for some days they can be called back.
func (c *cloud) destroyKey(ctx context.Context, _ engine.State[string]) error {
	versions, err := c.keyVersions(ctx, versionEnabled, "DISABLED")
	if err != nil {
		return err
	}
	for _, version := range versions {
		_, err := c.kms.Projects.Locations.KeyRings.CryptoKeys.CryptoKeyVersions.Destroy(version, &cloudkms.DestroyCryptoKeyVersionRequest{}).Context(ctx).Do()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *cloud) keyPolicy() guarded {
	return policyOf(func(ctx context.Context) (*cloudkms.Policy, error) {
		return c.kms.Projects.Locations.KeyRings.CryptoKeys.GetIamPolicy(c.key()).OptionsRequestedPolicyVersion(policyVersion).Context(ctx).Do()
	}, func(ctx context.Context, p *cloudkms.Policy) error {
		_, err := c.kms.Projects.Locations.KeyRings.CryptoKeys.SetIamPolicy(c.key(), &cloudkms.SetIamPolicyRequest{Policy: p}).Context(ctx).Do()
		return err
	})
}
