package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ledger is the list of tenants that something was written for, with their IDs in Cortex and Loki, in a ConfigMap beside
// the syncer. A tenant whose namespace vanished while no syncer ran is found in it, and one that left Git is known by its
// ID there only; without the list, its rules would be evaluated for ever.
type ledger struct {
	api    client.Reader
	writer client.Writer
	at     client.ObjectKey

	mutex sync.Mutex
	known map[string]string // IDs by name; nil: not read yet
}

// all are the tenants in the list.
func (l *ledger) all(ctx context.Context) ([]string, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err := l.read(ctx); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(l.known)), nil
}

// id is the ID that things were written for; "" for a tenant that is not in the list.
func (l *ledger) id(ctx context.Context, tenant string) (string, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	err := l.read(ctx)
	return l.known[tenant], err
}

// add puts a tenant into the list, before anything is written for it.
func (l *ledger) add(ctx context.Context, tenant, id string) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err := l.read(ctx); err != nil || l.known[tenant] == id {
		return err
	}
	if err := l.patch(ctx, map[string]any{tenant: id}); err != nil {
		return err
	}
	l.known[tenant] = id
	return nil
}

// remove takes a tenant off the list, after all that was written for it is gone.
func (l *ledger) remove(ctx context.Context, tenant string) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if err := l.read(ctx); err != nil || l.known[tenant] == "" {
		return err
	}
	if err := l.patch(ctx, map[string]any{tenant: nil}); err != nil {
		return err
	}
	delete(l.known, tenant)
	return nil
}

func (l *ledger) read(ctx context.Context) error {
	if l.known != nil {
		return nil
	}
	var found core.ConfigMap
	err := l.api.Get(ctx, l.at, &found)
	if apierrors.IsNotFound(err) {
		found = core.ConfigMap{ObjectMeta: l.meta()}
		err = l.writer.Create(ctx, &found)
	}
	if err != nil {
		return fmt.Errorf("read the list of tenants %s: %w", l.at, err)
	}
	l.known = maps.Clone(found.Data)
	if l.known == nil {
		l.known = map[string]string{}
	}
	return nil
}

// patch changes single entries, so that a syncer that is about to lose its lease cannot undo those of the next.
func (l *ledger) patch(ctx context.Context, data map[string]any) error {
	text, err := json.Marshal(map[string]any{"data": data})
	if err == nil {
		err = l.writer.Patch(ctx, &core.ConfigMap{ObjectMeta: l.meta()}, client.RawPatch(types.MergePatchType, text))
	}
	if err != nil {
		l.known = nil // read it again, it may have been deleted
		return fmt.Errorf("write the list of tenants %s: %w", l.at, err)
	}
	return nil
}

func (l *ledger) meta() meta.ObjectMeta {
	return meta.ObjectMeta{Namespace: l.at.Namespace, Name: l.at.Name, Labels: ownLabels()}
}

func ownLabels() map[string]string {
	return map[string]string{"app.kubernetes.io/managed-by": "opsgen-syncer", "app.kubernetes.io/part-of": "opsgen"}
}
