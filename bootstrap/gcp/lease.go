package gcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/storage/v1"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/generator/identity"
)

// leaseObject lies in the bucket for rules, where components look only below folders of their own. In the bucket for
// metrics, Cortex takes everything at the top for a tenant (Cortex 1.21, pkg/util/users, scanner).
const leaseObject = "opsgen-lease.json"

// leases keeps the lease as an object that is written only if nobody else wrote it: its version is the object's generation.
type leases struct{ *cloud }

// Read implements engine.Leases.
func (c leases) Read(ctx context.Context) (engine.Lease, string, error) {
	var lease engine.Lease
	answer, err := c.storage.Objects.Get(c.leaseBucket(), leaseObject).Context(ctx).Download()
	if c.gone(err) {
		return lease, "", nil
	}
	if err != nil {
		return lease, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return lease, "", err
	}
	if err := json.Unmarshal(text, &lease); err != nil {
		return lease, "", fmt.Errorf("%w: %w", engine.ErrUnreadable, err)
	}
	return lease, answer.Header.Get("X-Goog-Generation"), nil
}

// Place implements engine.Placed.
func (c leases) Place() string { return "gs://" + c.leaseBucket() + "/" + leaseObject }

// errNoBucket is for a bucket that cluster.yaml says is there.
var errNoBucket = errors.New("cluster.yaml says that it is there")

func (c *cloud) leaseBucket() string { return c.bucketName(identity.Rules) }

// Write implements engine.Leases. The first one makes the bucket; it never writes into a bucket that is not ours.
func (c leases) Write(ctx context.Context, lease engine.Lease, version string) (string, error) {
	if c.leaseGoes.Load() {
		return version, nil // written now, it would be in the way of the bucket's end
	}
	text, err := json.Marshal(lease)
	if err != nil {
		return "", err
	}
	if version == "" {
		if err := c.ensureBucket(ctx); err != nil {
			return "", err
		}
	}
	generation, err := generationOf(version)
	if err != nil {
		return "", err
	}
	// One call, which is not sent again by itself.
	written, err := c.storage.Objects.Insert(c.leaseBucket(), &storage.Object{Name: leaseObject, ContentType: "application/json"}).
		IfGenerationMatch(generation).Media(bytes.NewReader(text), googleapi.ChunkSize(0), googleapi.ContentType("application/json")).Context(ctx).Do()
	if c.gone(err) {
		return "", fmt.Errorf("there is no bucket %s, and %w", c.leaseBucket(), errNoBucket)
	}
	if err != nil {
		return "", lost(err)
	}
	return strconv.FormatInt(written.Generation, 10), nil
}

// generationOf is 0 where there must be no object.
func generationOf(version string) (int64, error) {
	if version == "" {
		return 0, nil
	}
	generation, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read the lease's generation: %w", err)
	}
	return generation, nil
}

func (c *cloud) ensureBucket(ctx context.Context) error {
	name, resource := c.leaseBucket(), bucketResource(identity.Rules)
	if c.Cluster.Provider.Storage.Given {
		return nil // a bucket that is not there is told by the write
	}
	found, err := c.findBucket(ctx, name, identity.Rules)
	if c.gone(err) {
		g := engine.NewGraph(c.Cluster.Name, c.Bundle.Version)
		err = c.createBucket(ctx, identity.Rules, g.Tags(resource))
		if err != nil && c.Classify(err).Class == engine.Exists {
			return engine.ErrLost // somebody was quicker: look again
		}
		return err
	}
	if err == nil && (found.Tags[engine.TagCluster] != c.Cluster.Name || found.Tags[engine.TagName] != resource) {
		return fmt.Errorf("the bucket %s: %w", name, engine.ErrForeign)
	}
	return err
}

// Remove implements engine.Leases.
func (c leases) Remove(ctx context.Context, version string) error {
	if c.leaseGoes.Load() {
		return nil
	}
	generation, err := generationOf(version)
	if err != nil {
		return err
	}
	return lost(c.storage.Objects.Delete(c.leaseBucket(), leaseObject).IfGenerationMatch(generation).Context(ctx).Do())
}

// lost is engine.ErrLost for a condition that does not hold, and for a lease that is gone.
func lost(err error) error {
	var answer *googleapi.Error
	if errors.As(err, &answer) && !constraint.MatchString(answer.Body) {
		switch answer.Code {
		case http.StatusPreconditionFailed, http.StatusConflict, http.StatusNotFound:
			return engine.ErrLost
		}
	}
	return err
}
