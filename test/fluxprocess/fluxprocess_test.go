package fluxprocess

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func deployment(c core.Container) *apps.Deployment {
	d := &apps.Deployment{ObjectMeta: meta.ObjectMeta{Namespace: "flux-system"}}
	d.Spec.Template.Spec.Containers = []core.Container{c}
	return d
}

func TestAControllerIsToldWhatItsPodIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	arguments, environment, err := translate(deployment(core.Container{
		Args: []string{"--storage-path=/data", "--at=x.$(SPACE).svc", "--plain", "--database=/database"},
		Env: []core.EnvVar{
			{Name: "SPACE", ValueFrom: &core.EnvVarSource{FieldRef: &core.ObjectFieldSelector{FieldPath: "metadata.namespace"}}},
			{Name: "HOME", Value: "/tmp/home"},
		},
		VolumeMounts: []core.VolumeMount{{Name: "data", MountPath: "/data"}, {Name: "temp", MountPath: "/tmp"}},
	}), dir, "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{
		"--storage-path=" + filepath.Join(dir, "data"), "--at=x.flux-system.svc", "--plain", "--database=/database",
	}; !slices.Equal(arguments, want) {
		t.Errorf("arguments %q, want %q", arguments, want)
	}
	if want := []string{"SPACE=flux-system", "HOME=" + filepath.Join(dir, "temp", "home")}; !slices.Equal(environment, want) {
		t.Errorf("environment %q, want %q", environment, want)
	}
}

func TestWhatAProcessCannotHaveIsAnError(t *testing.T) {
	t.Parallel()
	_, _, err := translate(deployment(core.Container{Env: []core.EnvVar{
		{Name: "PASSWORD", ValueFrom: &core.EnvVarSource{SecretKeyRef: &core.SecretKeySelector{Key: "password"}}},
	}}), t.TempDir(), "nowhere")
	if err == nil || !strings.Contains(err.Error(), "PASSWORD") {
		t.Errorf("a variable from a Secret: %v", err)
	}
}

func TestTheWayToGitLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	gate, url, err := openGate(t.Context(), "127.0.0.1", "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	for method, want := range map[string]int{http.MethodGet: http.StatusForbidden, http.MethodConnect: http.StatusBadGateway} {
		request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s answers %s", method, response.Status)
		}
	}
}
