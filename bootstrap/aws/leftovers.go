package aws

import (
	"context"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
)

// Leftovers implements provider.Provider. What bootstrap makes is searched as in a plan, by tags and names; volumes, which
// Kubernetes made, by its own tag; and all else that has such tags by AWS' index of them.
func (a *amazon) Leftovers(ctx context.Context) ([]provider.Leftover, error) {
	again, err := New(ctx, a.Target)
	if err != nil {
		return nil, err
	}
	left, err := provider.Left(ctx, again, a.Target, "tag "+engine.TagCluster,
		"route", "association", "attachment", "policy", "alias", "node version", volumesKind)
	if err != nil {
		return nil, err
	}
	volumes, err := a.leftVolumes(ctx)
	if err != nil {
		return nil, err
	}
	more, err := a.tagged(ctx)
	return append(append(left, volumes...), more...), err
}
