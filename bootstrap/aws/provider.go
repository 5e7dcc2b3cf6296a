package aws

import (
	"context"
	"fmt"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// New refuses: see the package.
func New(context.Context, provider.Target) (provider.Provider, error) {
	return nil, fmt.Errorf("AWS: %w; create EKS, buckets and identities yourself, and use provider existing for the rest", provider.ErrNotThere)
}
