package fleet

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/opsgen/opsgen/test/zones"
)

// upgradeZones releases another version of Cortex and of Loki at once, and watches the zones of each follow one by one.
func (f *Fleet) upgradeZones(ctx context.Context) (string, error) {
	r, err := zones.Watch(ctx, f.Client)
	if err != nil {
		return "", err
	}
	defer r.Close()
	for _, repository := range []string{"quay.io/cortexproject/cortex", "docker.io/grafana/loki"} {
		if err := f.retag(repository); err != nil {
			return "", err
		}
	}
	if err := f.Release(ctx, "Upgrade Cortex and Loki"); err != nil {
		return "", err
	}
	began := time.Now()
	if err := f.Follow(ctx); err != nil {
		return "", err
	}
	took := time.Since(began)
	if err := r.Stop(ctx, f.Client); err != nil {
		return "", err
	}
	order, err := r.Changed()
	if err != nil {
		return "", err
	}
	if len(order) != r.Sets() || !maps.Equal(zones.Order(order), map[string]string{"cortex": "abc", "loki": "abc"}) {
		return "", fmt.Errorf("%d of %d stateful sets followed, in the order %v", len(order), r.Sets(), order)
	}
	return fmt.Sprintf("%d sets, zone after zone, each ready before the next: %.0f s", len(order), took.Seconds()), nil
}

// retag makes another version of an image.
func (f *Fleet) retag(repository string) error {
	data, err := os.ReadFile(filepath.Join(f.Fork.Dir, "versions.yaml"))
	if err != nil {
		return fmt.Errorf("looking for a tag: %w", err)
	}
	row := regexp.MustCompile(regexp.QuoteMeta("repository: "+repository) + `\n +tag: \S+\n`).FindString(string(data))
	if row == "" {
		return fmt.Errorf("versions.yaml has no image %s", repository)
	}
	return f.Fork.Edit("versions.yaml", row, strings.TrimSuffix(row, "\n")+"-next\n")
}
