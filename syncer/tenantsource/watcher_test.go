package tenantsource

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata/fake"
	"k8s.io/client-go/rest"

	"github.com/opsgen/opsgen/syncer/config"
)

// operatorSwitch is an API server's answer about PrometheusRules.
type operatorSwitch struct {
	discovery.DiscoveryInterface

	mutex sync.Mutex
	known bool
	err   error
}

func (o *operatorSwitch) ServerResourcesForGroupVersion(string) (*meta.APIResourceList, error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	switch {
	case o.err != nil:
		return nil, o.err
	case !o.known:
		return nil, apierrors.NewNotFound(schema.GroupResource{}, "")
	}
	return &meta.APIResourceList{APIResources: []meta.APIResource{{Name: "prometheusrules"}}}, nil
}

// bed is a watcher of a cluster in memory.
type bed struct {
	*Watcher

	cluster *fake.FakeMetadataClient
	answer  *operatorSwitch
	changed chan string
}

func newBed(t *testing.T) *bed {
	t.Helper()
	c := config.Config{}
	c.SetDefaults()
	w, err := NewWatcher(&rest.Config{Host: "https://127.0.0.1:1"}, c.Sources, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	scheme := fake.NewTestScheme()
	if err := meta.AddMetaToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	b := &bed{Watcher: w, cluster: fake.NewSimpleMetadataClient(scheme), answer: &operatorSwitch{}, changed: make(chan string, 100)}
	w.objects, w.discovery = b.cluster, b.answer
	w.Changed = func(namespace string) { b.changed <- namespace }
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.Start(ctx)
	}()
	t.Cleanup(func() { stop(); <-ended })
	return b
}

// awaits waits for a change.
func (b *bed) awaits(t *testing.T, what string) {
	t.Helper()
	select {
	case <-b.changed:
	case <-time.After(20 * time.Second):
		t.Fatalf("%s was not told", what)
	}
}

func (b *bed) object(t *testing.T, resource schema.GroupVersionResource, kind, name string, labels map[string]string, do func(fake.MetadataClient, *meta.PartialObjectMetadata) error) {
	t.Helper()
	o := &meta.PartialObjectMetadata{
		TypeMeta:   meta.TypeMeta{APIVersion: resource.GroupVersion().String(), Kind: kind},
		ObjectMeta: meta.ObjectMeta{Namespace: "tenant-a", Name: name, Labels: labels},
	}
	if err := do(b.cluster.Resource(resource).Namespace("tenant-a").(fake.MetadataClient), o); err != nil {
		t.Fatal(err)
	}
}

func create(c fake.MetadataClient, o *meta.PartialObjectMetadata) error {
	_, err := c.CreateFake(o, meta.CreateOptions{})
	return err
}

func update(c fake.MetadataClient, o *meta.PartialObjectMetadata) error {
	_, err := c.UpdateFake(o, meta.UpdateOptions{})
	return err
}

func remove(c fake.MetadataClient, o *meta.PartialObjectMetadata) error {
	return c.Delete(context.Background(), o.Name, meta.DeleteOptions{})
}

var rules = map[string]string{"opsgen.dev/rules": "metrics"}

func TestEveryChangeOfATenantsObjectsIsTold(t *testing.T) {
	b := newBed(t)
	b.Follow("tenant-a")
	b.awaits(t, "the first list")
	if err := b.Ready(); err != nil {
		t.Errorf("not ready although everything was read: %v", err)
	}
	// The fake begins to watch a moment after the list.
	eventually(t, func() bool {
		for _, a := range b.cluster.Actions() {
			if a.GetVerb() == "watch" {
				return true
			}
		}
		return false
	})
	for _, step := range []struct {
		what string
		set  map[string]string
		do   func(fake.MetadataClient, *meta.PartialObjectMetadata) error
	}{
		{"a new file", rules, create}, {"a change", rules, update}, {"a lost label", nil, update}, {"a label that is back", rules, update}, {"a deletion", rules, remove},
	} {
		b.object(t, configMaps, "ConfigMap", "rules", step.set, step.do)
		b.awaits(t, step.what)
	}
	// Others are nobody's business; the next change that is told is the second one.
	b.object(t, configMaps, "ConfigMap", "dashboard", nil, create)
	b.object(t, configMaps, "ConfigMap", "more", rules, create)
	b.awaits(t, "the second file")
	if len(b.changed) != 0 {
		t.Error("a ConfigMap of another kind was told")
	}
}

func TestPrometheusRulesComeAndGoWithTheirDefinition(t *testing.T) {
	b := newBed(t)
	b.Follow("tenant-a")
	b.awaits(t, "the first list")
	if b.Operator() {
		t.Error("without the definition there are no PrometheusRules")
	}
	set := func(known bool, err error) {
		b.answer.mutex.Lock()
		b.answer.known, b.answer.err = known, err
		b.answer.mutex.Unlock()
		b.look()
	}
	set(true, nil)
	b.awaits(t, "the list of PrometheusRules")
	if !b.Operator() {
		t.Error("the definition was not noticed")
	}
	set(true, errors.New("the API server is away"))
	set(false, nil)
	set(true, nil)
	set(false, nil)
	set(false, nil)
	if !b.Operator() {
		t.Error("two looks were enough to believe that the definition is gone")
	}
	set(false, nil)
	b.awaits(t, "that the definition is gone")
	if b.Operator() {
		t.Error("the definition is gone and still believed in")
	}
}

func TestANamespaceWithoutRightsDoesNotKeepTheSyncerUnready(t *testing.T) {
	b := newBed(t)
	eventually(t, func() bool { return b.Ready() == nil })
	b.Watcher.mutex.Lock()
	b.watched["tenant-b"] = &watched{}
	b.Watcher.mutex.Unlock()
	if b.Ready() == nil {
		t.Error("ready before a namespace was asked for")
	}
	b.tried("tenant-b", apierrors.NewForbidden(schema.GroupResource{}, "", nil))
	if err := b.Ready(); err != nil {
		t.Errorf("unready for want of rights: %v", err)
	}
	b.Leave("tenant-b")
}

func eventually(t *testing.T, check func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within 20 s")
		}
	}
}
