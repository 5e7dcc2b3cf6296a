package install

import (
	"context"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/crypto/ssh"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/opsgen/opsgen/bootstrap/engine"
)

// rendered is a tree with one unit of the platform and a shard of tenants.
func rendered() fstest.MapFS {
	list := func(names ...string) *fstest.MapFile {
		text := "resources:\n"
		for _, name := range names {
			text += "- " + name + "\n"
		}
		return &fstest.MapFile{Data: []byte(text)}
	}
	kustomization := func(name, folder string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: " + name + "}\nspec: {path: ./clusters/lab/rendered/" + folder + "}\n")}
	}
	return fstest.MapFS{
		"cluster/kustomization.yaml":                    list("kustomization-platform-loki.yaml", "kustomization-tenants-b.yaml", "tenants-b"),
		"cluster/kustomization-platform-loki.yaml":      kustomization("platform-loki", "platform/loki"),
		"cluster/kustomization-tenants-b.yaml":          kustomization("tenants-b", "cluster/tenants-b"),
		"cluster/tenants-b/kustomization.yaml":          list("kustomization-tenant-a.yaml"),
		"cluster/tenants-b/kustomization-tenant-a.yaml": kustomization("tenant-a", "tenants/a"),
		"platform/loki/kustomization.yaml":              list("service-loki.yaml"),
		"platform/loki/service-loki.yaml":               {Data: []byte("kind: Service\nmetadata: {name: loki, namespace: loki}\n")},
		"tenants/a/kustomization.yaml":                  list(),
	}
}

func TestUnitsAreThoseThatApplySomething(t *testing.T) {
	tree, err := Open(rendered())
	if err != nil {
		t.Fatal(err)
	}
	if units := tree.Units("platform"); len(units) != 1 || units[0].Name != "platform-loki" || strings.Join(units[0].Namespaces, " ") != "loki" {
		t.Errorf("platform: %+v", units)
	}
	if units := tree.Units("tenants"); len(units) != 1 || units[0].Name != "tenant-a" {
		t.Errorf("tenants: %+v", units)
	}
	if objects, err := tree.Objects("cluster"); err != nil || len(objects) != 2 {
		t.Errorf("the cluster's folder has %d objects, want those without the shard's: %v", len(objects), err)
	}
	if folders, err := tree.folders(); err != nil || strings.Join(folders, " ") != "platform/loki tenants/a cluster/tenants-b" {
		t.Errorf("%v, %v", folders, err)
	}
	if _, err := Open(fstest.MapFS{}); err == nil || !strings.Contains(err.Error(), "opsgen render") {
		t.Errorf("an empty tree: %v", err)
	}
}

func TestRemovedAPIsAreNamed(t *testing.T) {
	files := rendered()
	files["platform/loki/service-loki.yaml"].Data = []byte("apiVersion: v1\nkind: Service\nmetadata: {name: loki, namespace: loki}\n")
	files["tenants/a/kustomization.yaml"].Data = []byte("resources: [budget.yaml, slice.yaml, config.yaml]\n")
	files["tenants/a/budget.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n")}
	files["tenants/a/slice.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: networking.k8s.io/v9\nkind: Ingress\nmetadata: {name: a}\n")}
	files["tenants/a/config.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: example.com/v1\nkind: Anything\nmetadata: {name: a}\n")}
	tree, err := Open(files)
	if err != nil {
		t.Fatal(err)
	}
	budget := "policy/v1beta1 PodDisruptionBudget in tenants/a"
	for _, test := range []struct {
		minor       int
		gone, going string
	}{
		{23, "networking.k8s.io/v9 Ingress in tenants/a", ""},
		{24, "networking.k8s.io/v9 Ingress in tenants/a", budget},
		{25, budget + ", networking.k8s.io/v9 Ingress in tenants/a", ""},
	} {
		gone, going, err := tree.Removals(test.minor)
		if err != nil || strings.Join(gone, ", ") != test.gone || strings.Join(going, ", ") != test.going {
			t.Errorf("1.%d: gone %v, going %v, %v", test.minor, gone, going, err)
		}
	}
}

func object(kind string, content map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: content}
	o.SetKind(kind)
	o.SetName("x")
	return o
}

func conditions(kind, status, message string) map[string]any {
	return map[string]any{"status": map[string]any{
		"observedGeneration": int64(0), "conditions": []any{map[string]any{"type": kind, "status": status, "message": message}},
	}}
}

func TestReasonsAreOneLineAndTheMostTelling(t *testing.T) {
	u := Unit{Name: "platform-loki"}
	ready := unitState(u, object("Kustomization", conditions("Ready", "True", "")), "")
	if !ready.Ready || ready.Reason != "" {
		t.Errorf("%+v", ready)
	}
	for _, c := range []struct {
		live         *unstructured.Unstructured
		source, want string
	}{
		{nil, "", notThere},
		{object("Kustomization", conditions("Ready", "False", "health check failed\nmore")), "", "health check failed"},
		{object("Kustomization", conditions("Ready", "False", "waiting")), "the repository: no access", "the repository: no access"},
		{object("Kustomization", map[string]any{}), "", "Flux has not looked at it yet"},
	} {
		if got := unitState(u, c.live, c.source); got.Ready || got.Reason != c.want {
			t.Errorf("%+v, want %q", got, c.want)
		}
	}
}

func TestWhatObjectsWaitFor(t *testing.T) {
	half := map[string]any{"spec": map[string]any{"replicas": int64(2)}, "status": map[string]any{"updatedReplicas": int64(2), "availableReplicas": int64(1)}}
	for want, o := range map[string]*unstructured.Unstructured{
		"x: 1 of 2 pods are ready": object("Deployment", half),
		"x: 0 of 1 pods are ready": object("Deployment", map[string]any{}),
		"x is not established":     object("CustomResourceDefinition", map[string]any{}),
		"":                         object("ConfigMap", map[string]any{}),
	} {
		if got := notReady(o); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	waiting := func(reason string) *corev1.Pod {
		return &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "because\nof"}}},
		}}}
	}
	unscheduled := &corev1.Pod{Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "no room"},
	}}}
	for want, pod := range map[string]*corev1.Pod{
		"ErrImagePull: because": waiting("ErrImagePull"), "": waiting("ContainerCreating"), "Unschedulable: no room": unscheduled,
	} {
		if got := whyNotRunning(pod); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestForeignIsWhatTheWholeClusterSharesAndIsNotOurs(t *testing.T) {
	space := object("Namespace", map[string]any{})
	if foreign(space) == nil {
		t.Error("a namespace without our label is taken for ours")
	}
	space.SetLabels(map[string]string{labelPartOf: partOf})
	account := object("ServiceAccount", map[string]any{})
	account.SetNamespace("loki")
	if foreign(space) != nil || foreign(account) != nil {
		t.Error("what is ours is refused")
	}
}

func TestKubernetesErrorsAreToldApart(t *testing.T) {
	kind := schema.GroupResource{Resource: "secrets"}
	for name, c := range map[string]struct {
		err  error
		want engine.Class
	}{
		"too many requests": {apierrors.NewTooManyRequests("slow down", 1), engine.Throttled},
		"no such namespace": {apierrors.NewNotFound(kind, "x"), engine.NotYet},
		"exists":            {apierrors.NewAlreadyExists(kind, "x"), engine.Exists},
		"conflict":          {apierrors.NewConflict(kind, "x", os.ErrExist), engine.Blocked},
		"forbidden":         {apierrors.NewForbidden(kind, "x", os.ErrPermission), engine.Refused},
		"not signed in":     {apierrors.NewUnauthorized("x"), engine.Refused},
		"server trouble":    {apierrors.NewInternalError(os.ErrInvalid), engine.Uncertain},
		"invalid":           {apierrors.NewBadRequest("x"), engine.Refused},
	} {
		if verdict, known := Classify(c.err); !known || verdict.Class != c.want {
			t.Errorf("%s is %v", name, verdict)
		}
	}
	if _, known := Classify(os.ErrClosed); known {
		t.Error("an error of somebody else is taken for Kubernetes'")
	}
}

func TestGitCredentials(t *testing.T) {
	token, err := Git{URL: "https://git.example.com/a", Secret: "git", Token: "t"}.data(t.Context())
	if err != nil || string(token["password"]) != "t" || len(token["username"]) == 0 {
		t.Errorf("%v, %v", token, err)
	}
	made, err := Git{URL: "ssh://git@git.example.com/a", Secret: "git", KnownHosts: []byte("host key")}.data(t.Context())
	if err != nil || !strings.HasPrefix(string(made["identity.pub"]), "ssh-ed25519 ") || string(made["known_hosts"]) != "host key" {
		t.Errorf("%v", err)
	}
	given, err := Git{URL: "ssh://git@git.example.com/a", Secret: "git", Key: made["identity"], KnownHosts: []byte("h")}.data(t.Context())
	if err != nil || string(given["identity.pub"]) != string(made["identity.pub"]) {
		t.Errorf("the public key of a given key: %v", err)
	}
	if _, _, err := (Git{Key: []byte("nonsense")}).keys(); err == nil || !strings.Contains(err.Error(), "without a password") {
		t.Errorf("got %v", err)
	}
	for _, c := range []struct {
		git  Git
		want string
	}{
		{Git{URL: "https://h/a"}, ""},
		{Git{URL: "https://h/a", Secret: "s", Token: "t"}, ""},
		{Git{URL: "ssh://h/a", Secret: "s"}, ""},
		{Git{URL: "https://h/a", Secret: "s"}, "neither"},
		{Git{URL: "http://h/a", Secret: "s"}, "http://"},
	} {
		if problem, _ := c.git.Check(); !strings.Contains(problem, c.want) || (problem == "") != (c.want == "") {
			t.Errorf("%+v: %q", c.git, problem)
		}
	}
}

// TestHostShowsItsKey asks a real ssh server.
func TestHostShowsItsKey(t *testing.T) {
	private, _, err := Git{}.keys()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		connection, err := listener.Accept()
		if err != nil {
			return
		}
		config := &ssh.ServerConfig{NoClientAuth: true}
		config.AddHostKey(signer)
		if _, _, _, err := ssh.NewServerConn(connection, config); err != nil {
			return // the client ends as soon as it has seen the key
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	line, err := hostKeys(t.Context(), &url.URL{Scheme: "ssh", Host: listener.Addr().String()})
	want := "[127.0.0.1]:" + port + " " + string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	if err != nil || string(line) != want {
		t.Errorf("got %q, %v, want %q", line, err, want)
	}
}
