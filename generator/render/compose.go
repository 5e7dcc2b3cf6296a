package render

import (
	"context"

	"github.com/opsgen/opsgen/generator/repository"
	"github.com/opsgen/opsgen/generator/tree"
)

// Composed is one cluster's tree as Run would write it.
type Composed struct {
	// Cluster is the cluster's name.
	Cluster string
	// Folders are the tree's folders; their contents can be read after Compose.
	Folders []tree.Folder
}

// Compose renders without checking the objects, and without reading or writing any rendered file. The error is
// document.Problems for wrong inputs.
func Compose(ctx context.Context, o Options) ([]Composed, error) {
	repo, err := repository.Load(o.Root, o.Clusters)
	if err != nil {
		return nil, err
	}
	plans, _, err := planAll(repo)
	if err != nil {
		return nil, err
	}
	s, err := newSession(ctx, o, repo)
	if err != nil {
		return nil, err
	}
	defer s.sources.close()
	defer o.Progress.Done()
	if _, err := s.renderAll(ctx, plans, o); err != nil {
		return nil, err
	}
	composed := make([]Composed, 0, len(plans))
	for _, p := range plans {
		composed = append(composed, Composed{Cluster: p.Name, Folders: s.folders(p)})
	}
	return composed, nil
}

// Advise weighs the inputs of a repository's clusters, and renders nothing. The error is document.Problems for what is
// refused.
func Advise(repo *repository.Repository) ([]Advisory, error) {
	_, advisories, err := planAll(repo)
	return advisories, err
}
