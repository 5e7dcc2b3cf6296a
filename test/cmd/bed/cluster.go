package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/test/bed"
	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/flux"
	"github.com/opsgen/opsgen/test/fork"
)

// readyLimit is how long a cluster may take to be ready. It is minutes on a quiet machine.
const readyLimit = 20 * time.Minute

// sourceOf answers the address of the repository that a cluster follows.
func sourceOf(cluster string) (string, error) {
	folder, err := build.Folder("")
	if err != nil {
		return "", err
	}
	data, err := os.ReadFile(filepath.Join(folder, "..", "clusters", cluster, "cluster.yaml"))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("there is no cluster %q: write the name of a folder of clusters/", cluster)
	} else if err != nil {
		return "", fmt.Errorf("reading the cluster: %w", err)
	}
	var c struct {
		Source struct {
			URL string `json:"url"`
		} `json:"source"`
	}
	if err := yaml.Unmarshal(data, &c); err != nil {
		return "", fmt.Errorf("reading clusters/%s/cluster.yaml: %w", cluster, err)
	}
	return c.Source.URL, nil
}

// deliver renders a cluster in a fork of this repository, pushes it to where the cluster looks, installs Flux, and waits
// until all is ready. The fork is left in the bed's folder: who commits and pushes there changes the cluster.
func deliver(ctx context.Context, b *bed.Bed, cluster, repository string, progress io.Writer) error {
	folder, err := build.Folder("")
	if err != nil {
		return err
	}
	programs, err := build.Ensure(ctx, []string{"opsgen", "kubectl"}, build.Options{Progress: progress})
	if err != nil {
		return fmt.Errorf("building opsgen: %w", err)
	}
	remote, err := b.Repository(repository)
	if err != nil {
		return err
	}
	began := time.Now()
	f, err := fork.New(ctx, filepath.Dir(folder), filepath.Join(b.Dir(), "fork"), remote, programs["opsgen"])
	if err != nil {
		return err
	}
	commit, err := f.Publish(ctx, "Render "+cluster, cluster)
	if err != nil {
		return err
	}
	fmt.Fprintf(progress, "%-10s %-50s %6.1f s\n", "pushed", fmt.Sprintf("%.7s from %s", commit, f.Dir), time.Since(began).Seconds())
	if err := flux.Install(ctx, programs["kubectl"], b.Kubeconfig(), filepath.Join(f.Dir, "clusters", cluster, "rendered")); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", b.Kubeconfig())
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	return flux.Await(ctx, client, announce(progress, began, commit))
}

// announce prints each unit when it is first ready, and answers nil when all are.
func announce(progress io.Writer, began time.Time, commit string) func([]flux.Unit) error {
	said := map[string]bool{}
	return func(all []flux.Unit) error {
		for _, u := range all {
			if u.Ready && u.Revision == commit && !said[u.Name] {
				said[u.Name] = true
				fmt.Fprintf(progress, "%-10s %-50s %6.1f s\n", "ready", u.Name, time.Since(began).Seconds())
			}
		}
		// A tenant's unit is made by the shard that it is in, which is ready when it was made.
		return flux.ReadyAt(commit, 2)(all)
	}
}
