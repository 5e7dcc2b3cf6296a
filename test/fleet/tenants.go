package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/flux"
)

// newcomer is a tenant that comes and goes.
const newcomer = "newcomer"

// writeTenant writes a tenant of the smallest kind into the fork.
func (f *Fleet) writeTenant(name string) error {
	return f.Fork.Write("tenants/"+name+"/tenant.yaml", strings.NewReplacer("NAME", name, "CLUSTER", f.Cluster).Replace(
		"displayName: NAME\nowners: [\"@example/NAME\"]\nclusters: [CLUSTER]\nclass: small\ngrafana:\n  roles:\n    Editor: [NAME]\n"))
}

// comeAndGo adds a tenant and removes it. Of the objects that were there, only the lists of all tenants may change.
func (f *Fleet) comeAndGo(ctx context.Context) (string, error) {
	before, err := f.snapshot(ctx)
	if err != nil {
		return "", err
	}
	lists, err := f.lists()
	if err != nil {
		return "", err
	}
	if err := f.writeTenant(newcomer); err != nil {
		return "", err
	}
	began := time.Now()
	if err := f.Release(ctx, "Add a tenant"); err != nil {
		return "", err
	}
	if err := f.Follow(ctx); err != nil {
		return "", err
	}
	came := time.Since(began)
	with, err := f.snapshot(ctx)
	if err != nil {
		return "", err
	}
	if err := only(lists, touched(before, with)); err != nil {
		return "", fmt.Errorf("a tenant that came: %w", err)
	}
	own := len(with) - len(before)
	if own < 10 {
		return "", fmt.Errorf("the tenant has only %d objects", own)
	}
	if _, err := f.Fork.Run(ctx, "tenant", "remove", newcomer, "--yes"); err != nil {
		return "", err
	}
	began = time.Now()
	if err := f.Release(ctx, "Remove the tenant"); err != nil {
		return "", err
	}
	if err := errors.Join(f.Follow(ctx), f.gone(ctx)); err != nil {
		return "", err
	}
	went := time.Since(began)
	after, err := f.snapshot(ctx)
	if err != nil {
		return "", err
	}
	if err := only(lists, touched(with, after)); err != nil {
		return "", fmt.Errorf("a tenant that went: %w", err)
	}
	return fmt.Sprintf("%d own objects in %.0f s, away in %.0f s, %d others untouched",
		own, came.Seconds(), went.Seconds(), len(before)-len(lists)), nil
}

// lists are the objects that name all tenants.
func (f *Fleet) lists() ([]string, error) {
	objects, err := f.Rendered()
	var names []string
	for _, o := range objects {
		if strings.HasPrefix(o.Folder, "config/") && strings.HasSuffix(o.Folder, "-tenants") {
			names = append(names, o.String())
		}
	}
	return names, err
}

// only complains about names that are not allowed, and when there are none at all: then nothing was looked at.
func only(allowed, names []string) error {
	if len(names) == 0 {
		return errors.New("nothing was touched, not even the lists of all tenants")
	}
	var problems []error
	for _, n := range names {
		if !slices.Contains(allowed, n) {
			problems = append(problems, fmt.Errorf("%s was touched", n))
		}
	}
	return errors.Join(problems...)
}

// gone waits until nothing of the tenant runs and Flux knows it no more.
func (f *Fleet) gone(ctx context.Context) error {
	return flux.Await(ctx, f.Dynamic, func(all []flux.Unit) error {
		for _, u := range all {
			if u.Name == "tenant-"+newcomer {
				return fmt.Errorf("%s is still there", u.Name)
			}
		}
		deployments, err := f.Client.AppsV1().Deployments("tenant-"+newcomer).List(ctx, meta.ListOptions{})
		if err != nil {
			return fmt.Errorf("looking for what is left: %w", err)
		}
		if n := len(deployments.Items); n > 0 {
			return fmt.Errorf("%d deployments are left", n)
		}
		return nil
	})
}
