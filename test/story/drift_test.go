package story

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/opsgen/opsgen/test/flux"
)

func (s *Story) podNames(ctx context.Context) (map[string]bool, error) {
	pods, err := s.Client.CoreV1().Pods("").List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing pods: %w", err)
	}
	names := map[string]bool{}
	for _, p := range pods.Items {
		names[p.Namespace+"/"+p.Name+"/"+string(p.UID)] = true
	}
	return names, nil
}

// quiet reconciles everything once more. Nobody changed anything, so nothing may be written.
func (s *Story) quiet(ctx context.Context) (string, error) {
	objects, err := s.Rendered()
	if err != nil {
		return "", err
	}
	before, err := s.Live(ctx, objects)
	if err != nil {
		return "", err
	}
	all, err := flux.Units(ctx, s.Dynamic)
	if err != nil {
		return "", err
	}
	var names []string
	for _, u := range all {
		names = append(names, u.Name)
	}
	if err := flux.Reconcile(ctx, s.Dynamic, names...); err != nil {
		return "", err
	}
	after, err := s.Live(ctx, objects)
	if err != nil {
		return "", err
	}
	var problems []error
	for _, o := range objects {
		name := o.String()
		switch {
		case before[name] == nil:
			problems = append(problems, fmt.Errorf("%s was rendered and is not there", name))
		case after[name] == nil:
			problems = append(problems, fmt.Errorf("%s is gone", name))
		case o.GetKind() != "Kustomization" && applied(before[name]) != applied(after[name]):
			problems = append(problems, fmt.Errorf("%s was written again", name))
		}
	}
	return fmt.Sprintf("%d objects, none written again", len(objects)), errors.Join(problems...)
}

// applied is what changes when somebody writes an object's specification: its generation, and when Flux last applied a
// change to it.
func applied(o *unstructured.Unstructured) string {
	text := fmt.Sprint(o.GetGeneration())
	for _, f := range o.GetManagedFields() {
		if f.Manager == "kustomize-controller" && f.Subresource == "" {
			text += " " + f.Time.String()
		}
	}
	return text
}

// kept are kinds that stay when somebody deletes what made them, because data or everything would go with them; deleting
// these is a story of its own. Flux cannot bring back itself: `bootstrap up` does.
var kept = []string{"Namespace", "CustomResourceDefinition", "GitRepository", "Kustomization"}

// drift deletes what is rendered by hand, a unit at a time, and waits until Flux brought it back.
func (s *Story) drift(ctx context.Context) (string, error) {
	objects, err := s.Rendered()
	if err != nil {
		return "", err
	}
	units := map[string][]Object{}
	var order []string
	count := 0
	for _, o := range objects {
		if slices.Contains(kept, o.GetKind()) || o.Folder == "controllers/flux" || o.GetNamespace() == flux.Namespace {
			continue
		}
		if len(units[o.Unit()]) == 0 {
			order = append(order, o.Unit())
		}
		units[o.Unit()] = append(units[o.Unit()], o)
		count++
	}
	var slowest time.Duration
	var slow string
	for _, unit := range order {
		began := time.Now()
		if err := s.deleteAndWait(ctx, unit, units[unit]); err != nil {
			return "", fmt.Errorf("%s: %w", unit, err)
		}
		if took := time.Since(began); took > slowest {
			slowest, slow = took, unit
		}
	}
	return fmt.Sprintf("%d of %d objects came back (slowest %s, %.0f s)", count, count, slow, slowest.Seconds()), nil
}

func (s *Story) deleteAndWait(ctx context.Context, unit string, objects []Object) error {
	before, err := s.Live(ctx, objects)
	if err != nil {
		return err
	}
	client := s.resources()
	for _, o := range objects {
		resource, err := client(o)
		if err != nil {
			return err
		}
		if err := resource.Delete(ctx, o.GetName(), meta.DeleteOptions{}); err != nil {
			return fmt.Errorf("deleting %s: %w", o, err)
		}
	}
	if err := flux.Reconcile(ctx, s.Dynamic, unit); err != nil {
		return err
	}
	after, err := s.Live(ctx, objects)
	if err != nil {
		return err
	}
	var problems []error
	for _, o := range objects {
		is, was := after[o.String()], before[o.String()]
		if is == nil || was == nil || is.GetUID() == was.GetUID() {
			problems = append(problems, fmt.Errorf("%s did not come back", o))
		}
	}
	return errors.Join(problems...)
}
