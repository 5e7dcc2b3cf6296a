package flux

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// Namespace is where Flux and everything that it looks at lives.
const Namespace = "flux-system"

// Source is the name of the cluster's GitRepository.
const Source = "opsgen"

var (
	units   = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	sources = schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
)

// Install applies the first objects of a rendered cluster (the folder "rendered") with kubectl: definitions and
// namespaces, Flux, and what Flux is to follow. Flux does the rest, and takes over what was applied.
func Install(ctx context.Context, kubectl, kubeconfig, rendered string) error {
	definitions, err := os.ReadDir(filepath.Join(rendered, "crds"))
	if err != nil {
		return fmt.Errorf("installing Flux: %w", err)
	}
	folders := []string{"crds/namespaces"}
	for _, d := range definitions {
		if d.IsDir() && d.Name() != "namespaces" {
			folders = append(folders, "crds/"+d.Name())
		}
	}
	folders = append(folders, "controllers/flux")
	// The API server serves a definition a moment after it took it.
	for _, folder := range folders {
		if err := apply(ctx, kubectl, kubeconfig, filepath.Join(rendered, folder)); err != nil {
			return err
		}
	}
	established := exec.CommandContext(ctx, kubectl, "--kubeconfig="+kubeconfig, "wait", "--for=condition=Established",
		"--timeout=60s", "crd", "--all")
	if out, err := established.CombinedOutput(); err != nil {
		return fmt.Errorf("waiting for definitions: %w: %s", err, out)
	}
	return apply(ctx, kubectl, kubeconfig, filepath.Join(rendered, "cluster"))
}

func apply(ctx context.Context, kubectl, kubeconfig, folder string) error {
	command := exec.CommandContext(ctx, kubectl, "--kubeconfig="+kubeconfig, "apply", "--server-side",
		"--field-manager=kustomize-controller", "--kustomize="+folder)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("applying %s: %w: %s", folder, err, out)
	}
	return nil
}

// A Unit is one Kustomization.
type Unit struct {
	Name string
	// Layer is the first part of its name, as in "platform-cortex"; a tenant's is "tenant".
	Layer string
	// Ready says that it is ready for what it was last given.
	Ready bool
	// Reason and Message are those of the condition Ready.
	Reason, Message string
	// Doing is what it says that it is doing now, such as running health checks; empty when it is done.
	Doing string
	// Revision is the commit that was applied last, without its branch; Attempted the one that was tried last.
	Revision, Attempted string
	// Since is when Ready last changed.
	Since time.Time
	// Handled is the last request to reconcile that was answered.
	Handled string
}

// Units lists the Kustomizations by name.
func Units(ctx context.Context, client dynamic.Interface) ([]Unit, error) {
	list, err := client.Resource(units).Namespace(Namespace).List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing Kustomizations: %w", err)
	}
	found := make([]Unit, len(list.Items))
	for i := range list.Items {
		found[i] = unit(&list.Items[i])
	}
	slices.SortFunc(found, func(a, b Unit) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

func unit(o *unstructured.Unstructured) Unit {
	u := Unit{Name: o.GetName()}
	u.Layer, _, _ = strings.Cut(u.Name, "-")
	var status struct {
		Conditions            []meta.Condition
		ObservedGeneration    int64
		LastAppliedRevision   string
		LastAttemptedRevision string
		LastHandledReconcile  string `json:"lastHandledReconcileAt"`
	}
	// A status of another form is one that is not there.
	if data, err := json.Marshal(o.Object["status"]); err != nil || json.Unmarshal(data, &status) != nil {
		return u
	}
	u.Revision, u.Attempted, u.Handled = commit(status.LastAppliedRevision), commit(status.LastAttemptedRevision), status.LastHandledReconcile
	for _, c := range status.Conditions {
		if c.Type == "Ready" {
			u.Ready = c.Status == meta.ConditionTrue && status.ObservedGeneration == o.GetGeneration()
			u.Reason, u.Message, u.Since = c.Reason, c.Message, c.LastTransitionTime.Time
		}
		if c.Type == "Reconciling" && c.Status == meta.ConditionTrue {
			u.Doing = c.Message
		}
	}
	return u
}

// commit is the hash in "main@sha1:…" and "v1.0.0@sha1:…".
func commit(revision string) string {
	_, hash, _ := strings.Cut(revision, "@sha1:")
	return hash
}

// Fetch asks Flux to look at the Git repository now. The units follow by themselves.
func Fetch(ctx context.Context, client dynamic.Interface) error {
	return request(ctx, client, sources, Source, time.Now().Format(time.RFC3339Nano))
}

// Reconcile asks the named units to compare the cluster with Git now, and waits until each has.
func Reconcile(ctx context.Context, client dynamic.Interface, names ...string) error {
	token, err := Request(ctx, client, names...)
	if err != nil {
		return err
	}
	return Await(ctx, client, func(all []Unit) error {
		for _, u := range all {
			if slices.Contains(names, u.Name) && (u.Handled != token || !u.Ready) {
				return fmt.Errorf("%s: %s: %s", u.Name, u.Reason, u.Message)
			}
		}
		return nil
	})
}

// Request asks the named units to compare the cluster with Git now. It answers what Unit.Handled is when they did.
func Request(ctx context.Context, client dynamic.Interface, names ...string) (string, error) {
	token := time.Now().Format(time.RFC3339Nano)
	for _, name := range names {
		if err := request(ctx, client, units, name, token); err != nil {
			return "", err
		}
	}
	return token, nil
}

func request(ctx context.Context, client dynamic.Interface, kind schema.GroupVersionResource, name, token string) error {
	patch := fmt.Sprintf(`{"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":%q}}}`, token)
	_, err := client.Resource(kind).Namespace(Namespace).Patch(ctx, name, types.MergePatchType, []byte(patch), meta.PatchOptions{})
	if err != nil {
		return fmt.Errorf("asking Flux for %s: %w", name, err)
	}
	return nil
}

// ReadyAt answers nil when all units are ready at a commit, and else which are not and why. An upgrade may add units
// while it runs, so there must be at least as many as count.
func ReadyAt(commit string, count int) func([]Unit) error {
	return func(all []Unit) error {
		var waiting []error
		if len(all) < count {
			waiting = append(waiting, fmt.Errorf("%d of %d units are there", len(all), count))
		}
		for _, u := range all {
			switch {
			case !u.Ready:
				waiting = append(waiting, fmt.Errorf("%s: %s: %s", u.Name, u.Reason, u.Message))
			case u.Revision != commit:
				waiting = append(waiting, fmt.Errorf("%s is at %.7s", u.Name, u.Revision))
			}
		}
		return errors.Join(waiting...)
	}
}

// Await waits until done answers nil for the units. Its last answer is in the error when ctx ends before.
func Await(ctx context.Context, client dynamic.Interface, done func([]Unit) error) error {
	const pause = 300 * time.Millisecond
	var last error
	for {
		all, err := Units(ctx, client)
		if err == nil {
			if err = done(all); err == nil {
				return nil
			}
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for Flux: %w; last:\n%w", ctx.Err(), last)
		case <-time.After(pause):
		}
	}
}
