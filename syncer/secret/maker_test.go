package secret

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/opsgen/opsgen/syncer/config"
)

// configured is what the bundle configures (bases/syncer/secrets.libsonnet).
func configured() []config.GeneratedSecret {
	return []config.GeneratedSecret{
		{Name: "object-store", Namespaces: []string{"object-store", "cortex", "loki"}, Keys: map[string]int{"access-key": 20, "secret-key": 40}},
		{Name: "grafana", NamespaceSelector: "opsgen.dev/tenant", Keys: map[string]int{"secret-key": 40}},
	}
}

// bed is a cluster in memory that, like the real one, refuses objects in a namespace that does not exist, and refuses the
// syncer everything that its rights do not name.
type bed struct {
	client.Client
	maker  *Maker
	events *events.FakeRecorder
	// fail, when set, is the answer to the next creation of a Secret.
	fail error
}

func newBed(t *testing.T, objects ...client.Object) *bed {
	t.Helper()
	b := &bed{events: events.NewFakeRecorder(10)}
	refuse := func(what string) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, what, nil)
	}
	b.Client = fake.NewClientBuilder().WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
			if _, ok := object.(*core.Secret); ok {
				if err := b.fail; err != nil {
					b.fail = nil
					return err
				}
				if err := c.Get(ctx, client.ObjectKey{Name: object.GetNamespace()}, &core.Namespace{}); err != nil {
					return err
				}
			}
			return c.Create(ctx, object, options...)
		},
		Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error {
			return refuse("update")
		},
		Patch: func(context.Context, client.WithWatch, client.Object, client.Patch, ...client.PatchOption) error {
			return refuse("patch")
		},
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return refuse("list")
		},
	}).Build()
	var err error
	if b.maker, err = New(b.Client, b.events, configured(), time.Minute, prometheus.NewRegistry()); err != nil {
		t.Fatal(err)
	}
	return b
}

func namespace(name string, labels map[string]string) *core.Namespace {
	return &core.Namespace{ObjectMeta: meta.ObjectMeta{Name: name, Labels: labels}}
}

func secretOf(namespace, name string, data map[string]string) *core.Secret {
	s := &core.Secret{ObjectMeta: meta.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return s
}

func (b *bed) reconcile(t *testing.T, namespaces ...string) {
	t.Helper()
	for _, name := range namespaces {
		result, err := b.maker.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: name}})
		if err != nil {
			t.Fatalf("reconcile %s: %v", name, err)
		}
		if result.RequeueAfter != 0 && result.RequeueAfter != time.Minute {
			t.Errorf("%s is looked at again after %s", name, result.RequeueAfter)
		}
	}
}

// data is a Secret's content, nil when it does not exist.
func (b *bed) data(t *testing.T, namespace, name string) map[string][]byte {
	t.Helper()
	var s core.Secret
	if err := b.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, &s); err != nil {
		if apierrors.IsNotFound(err) {
			return nil
		}
		t.Fatal(err)
	}
	return s.Data
}

func TestSharedSecretsAgreeInWhateverOrderNamespacesCome(t *testing.T) {
	b := newBed(t, namespace("cortex", nil))
	b.reconcile(t, "cortex")
	first := b.data(t, "cortex", "object-store")
	if len(first["access-key"]) != 20 || len(first["secret-key"]) != 40 {
		t.Fatalf("wrong lengths: %d and %d", len(first["access-key"]), len(first["secret-key"]))
	}
	for _, name := range []string{"object-store", "loki"} {
		if err := b.Create(t.Context(), namespace(name, nil)); err != nil {
			t.Fatal(err)
		}
		b.reconcile(t, name)
		if got := b.data(t, name, "object-store"); !equal(configured()[0].Keys, first, got) {
			t.Errorf("%s got other credentials than cortex: it cannot read its own data", name)
		}
	}
}

func TestADeletedSecretComesBackWithTheOthersValues(t *testing.T) {
	b := newBed(t, namespace("object-store", nil), namespace("cortex", nil), namespace("loki", nil))
	b.reconcile(t, "object-store")
	before := b.data(t, "loki", "object-store")
	if err := b.Delete(t.Context(), secretOf("object-store", "object-store", nil)); err != nil {
		t.Fatal(err)
	}
	b.reconcile(t, "cortex")
	if after := b.data(t, "object-store", "object-store"); !equal(configured()[0].Keys, before, after) {
		t.Error("the server of the object storage came back with other credentials than its clients have")
	}
}

func TestEachTenantGetsItsOwn(t *testing.T) {
	label := map[string]string{"opsgen.dev/tenant": "x"}
	b := newBed(t, namespace("tenant-payments", label), namespace("tenant-search", label), namespace("other", nil))
	b.reconcile(t, "tenant-payments", "tenant-search", "other")
	payments, search := b.data(t, "tenant-payments", "grafana"), b.data(t, "tenant-search", "grafana")
	if len(payments["secret-key"]) != 40 || string(payments["secret-key"]) == string(search["secret-key"]) {
		t.Error("tenants must have keys of their own")
	}
	if b.data(t, "other", "grafana") != nil {
		t.Error("a namespace that is no tenant's got a tenant's secret")
	}
	b.reconcile(t, "tenant-payments")
	if string(b.data(t, "tenant-payments", "grafana")["secret-key"]) != string(payments["secret-key"]) {
		t.Error("the key changed: what Grafana encrypted is lost")
	}
}

func TestWhatExistsIsLeftAlone(t *testing.T) {
	complete := map[string]string{"access-key": "mine", "secret-key": "mine too", "note": "by hand"}
	for name, test := range map[string]struct {
		objects []client.Object
		want    string
	}{
		"complete, made by hand":  {[]client.Object{secretOf("cortex", "object-store", complete)}, ""},
		"without a key":           {[]client.Object{secretOf("cortex", "object-store", map[string]string{"access-key": "x"})}, "has no key secret-key"},
		"two that do not agree":   {[]client.Object{secretOf("cortex", "object-store", complete), secretOf("object-store", "object-store", map[string]string{"access-key": "a", "secret-key": "b"})}, "has other values"},
		"with an empty key value": {[]client.Object{secretOf("cortex", "object-store", map[string]string{"access-key": "x", "secret-key": ""})}, "has no key secret-key"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, append(test.objects, namespace("object-store", nil), namespace("cortex", nil), namespace("loki", nil))...)
			before := b.data(t, "cortex", "object-store")
			b.reconcile(t, "cortex")
			if after := b.data(t, "cortex", "object-store"); string(after["access-key"]) != string(before["access-key"]) {
				t.Error("it was changed")
			}
			got := ""
			select {
			case got = <-b.events.Events:
			default:
			}
			if (test.want == "") != (got == "") || !strings.Contains(got, test.want) {
				t.Errorf("the event says %q, want %q", got, test.want)
			}
			loki := b.data(t, "loki", "object-store")
			if test.want == "" && (string(loki["secret-key"]) != "mine too" || loki["note"] != nil) {
				t.Errorf("loki got %q, want the two keys of the Secret that was there", loki)
			}
			if test.want != "" && loki != nil {
				t.Error("something was made although a person must look first")
			}
			if got := testutil.CollectAndCount(b.maker.broken); (got == 1) != (test.want != "") {
				t.Errorf("%d broken secrets in the metrics", got)
			}
		})
	}
}

func TestReady(t *testing.T) {
	b := newBed(t, namespace("object-store", nil), namespace("cortex", nil))
	if err := b.maker.Ready(t.Context()); err == nil {
		t.Error("ready before anything was made")
	}
	b.fail = errors.New("the API server is away")
	if _, err := b.maker.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "cortex"}}); err == nil || !strings.Contains(err.Error(), "away") {
		t.Errorf("a failure is not passed on to be tried again: %v", err)
	}
	if err := b.maker.Ready(t.Context()); err == nil {
		t.Error("ready although a secret could not be made")
	}
	b.reconcile(t, "object-store", "cortex")
	if err := b.maker.Ready(t.Context()); err != nil {
		t.Errorf("not ready although only loki's namespace is missing: %v", err)
	}
}

func TestARaceForOneNameIsTriedAgain(t *testing.T) {
	b := newBed(t, namespace("cortex", nil))
	b.fail = apierrors.NewAlreadyExists(schema.GroupResource{Resource: "secrets"}, "object-store")
	if _, err := b.maker.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Name: "cortex"}}); err == nil {
		t.Error("somebody else made the Secret in between, and its values were not looked at")
	}
}

func TestValuesAreLettersAndDigits(t *testing.T) {
	values, err := newValues(map[string]int{"a": 1024})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[byte]bool{}
	for _, c := range values["a"] {
		if !strings.ContainsRune(characters, rune(c)) {
			t.Fatalf("%q is in a value", c)
		}
		seen[c] = true
	}
	// 1,024 even draws of 62 leave out more than a few with a chance below one in a million.
	if len(seen) < 55 {
		t.Errorf("only %d of 62 characters were drawn", len(seen))
	}
}
