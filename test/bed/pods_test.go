package bed

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestARestrictedNamespaceRefusesWhatIsNotRestricted(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	refused := shell("refused", "true")
	refused.Spec.Containers[0].SecurityContext = nil
	_, err := p.client.CoreV1().Pods(p.name).Create(p.ctx, refused, meta.CreateOptions{})
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "violates PodSecurity") {
		t.Errorf("a pod that may gain privileges: %v", err)
	}
	got := p.run(shell("admitted", "id -u; cat /proc/self/status; echo x >/file || echo refused"))
	for _, want := range []string{
		"1000\n", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "refused",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("an admitted pod has no %q: %s", want, got)
		}
	}
}

// waitingFor waits until a container cannot start for one of the reasons, and answers the message.
func (p *place) waitingFor(pod string, reasons ...string) string {
	p.t.Helper()
	var message string
	p.await("the refusal of "+pod, func(ctx context.Context) error {
		got, err := p.pod(ctx, pod)
		if err != nil {
			return err
		}
		for _, c := range got.Status.ContainerStatuses {
			for _, reason := range reasons {
				if c.State.Waiting != nil && c.State.Waiting.Reason == reason {
					message = c.State.Waiting.Message
					return nil
				}
			}
		}
		return fmt.Errorf("its containers are %+v", got.Status.ContainerStatuses)
	})
	return message
}

func TestAKubeletRefusesRoot(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "privileged")
	pod := shell("root", "true")
	root := int64(0)
	pod.Spec.SecurityContext.RunAsUser = &root
	p.create(pod)
	if message := p.waitingFor("root", "CreateContainerConfigError"); !strings.Contains(message, "non-root") {
		t.Error(message)
	}
}

func TestAMissingImageIsAnErrorOfThePull(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	pod := shell("missing", "true")
	pod.Spec.Containers[0].Image = "quay.io/acme/missing:v1"
	p.create(pod)
	if message := p.waitingFor("missing", "ErrImagePull"); !strings.Contains(message, "quay.io/acme/missing:v1") {
		t.Error(message)
	}
}

func TestAProjectedTokenIsGoodForItsAudienceOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	pod := shell("caller", "cat /token/token")
	pod.Spec.Volumes = []core.Volume{{Name: "token", VolumeSource: core.VolumeSource{
		Projected: &core.ProjectedVolumeSource{Sources: []core.VolumeProjection{{
			ServiceAccountToken: &core.ServiceAccountTokenProjection{Audience: "proxy", Path: "token"},
		}}},
	}}}
	pod.Spec.Containers[0].VolumeMounts = []core.VolumeMount{{Name: "token", MountPath: "/token"}}
	token := strings.TrimSpace(p.run(pod))
	for audience, good := range map[string]bool{"proxy": true, "https://kubernetes.default.svc.cluster.local": false} {
		review, err := p.client.AuthenticationV1().TokenReviews().Create(p.ctx, &authentication.TokenReview{
			Spec: authentication.TokenReviewSpec{Token: token, Audiences: []string{audience}},
		}, meta.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s := review.Status
		if s.Authenticated != good {
			t.Errorf("for %s: %+v", audience, s)
		}
		if good && (s.User.Username != "system:serviceaccount:"+p.name+":default" ||
			fmt.Sprint(s.User.Extra["authentication.kubernetes.io/pod-name"]) != "[caller]") {
			t.Errorf("the token is of %+v", s.User)
		}
	}
}

func TestAFailingProbeRestartsAContainer(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	pod := server("fragile", "")
	pod.Spec.RestartPolicy = core.RestartPolicyAlways
	pod.Spec.Containers[0].LivenessProbe = &core.Probe{
		PeriodSeconds: 1, FailureThreshold: 1, TimeoutSeconds: 30, // a busy machine may take a while to run a program
		ProbeHandler: core.ProbeHandler{Exec: &core.ExecAction{Command: []string{"ls", "/tmp/www/index.html"}}},
	}
	// The folder outlives the container.
	pod.Spec.Containers[0].Command[2] = strings.Replace(pod.Spec.Containers[0].Command[2], "mkdir", "mkdir -p", 1)
	p.start(pod)
	got, err := p.pod(p.ctx, "fragile")
	if err != nil {
		t.Fatal(err)
	}
	before := got.Status.ContainerStatuses[0].RestartCount // 1 if the first probe was there before the page
	if out, err := p.kubectl("exec", "fragile", "--", "rm", "/tmp/www/index.html"); err != nil {
		t.Fatal(err, out)
	}
	p.await("the restart", func(ctx context.Context) error {
		got, err := p.pod(ctx, "fragile")
		if err != nil {
			return err
		}
		if s := got.Status.ContainerStatuses[0]; s.RestartCount <= before || !s.Ready {
			return fmt.Errorf("restarts: %d, ready: %t", s.RestartCount, s.Ready)
		}
		return nil
	})
}

func TestPeopleLookIntoPods(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	pod := shell("spoken", "echo hello; exec sleep 1000")
	p.start(pod)
	p.await("what it says", func(context.Context) error { // it may not have spoken yet
		if out, err := p.kubectl("logs", "spoken"); err != nil || out != "hello" {
			return fmt.Errorf("its logs are %q: %w", out, err)
		}
		return nil
	})
	if out, err := p.kubectl("exec", "spoken", "--", "id", "-u"); err != nil || out != "1000" {
		t.Errorf("exec: %q, %v", out, err)
	}
	if out, err := p.kubectl("exec", "spoken", "--", "false"); err == nil {
		t.Errorf("exec of a failing command succeeded: %q", out)
	}
}

func TestAVolumeBelongsToItsGroupAndGoesWithItsClaim(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "restricted")
	claims := p.client.CoreV1().PersistentVolumeClaims(p.name)
	if _, err := claims.Create(p.ctx, &core.PersistentVolumeClaim{
		ObjectMeta: meta.ObjectMeta{Name: "data"},
		Spec: core.PersistentVolumeClaimSpec{
			AccessModes: []core.PersistentVolumeAccessMode{core.ReadWriteOnce},
			Resources:   core.VolumeResourceRequirements{Requests: core.ResourceList{core.ResourceStorage: resource.MustParse("1Gi")}},
		},
	}, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	mounted := func(name, script string) *core.Pod {
		pod, group := shell(name, script), int64(2000)
		pod.Spec.SecurityContext.FSGroup = &group
		pod.Spec.Volumes = []core.Volume{{Name: "data", VolumeSource: core.VolumeSource{
			PersistentVolumeClaim: &core.PersistentVolumeClaimVolumeSource{ClaimName: "data"},
		}}}
		pod.Spec.Containers[0].VolumeMounts = []core.VolumeMount{{Name: "data", MountPath: "/data"}}
		return pod
	}
	if got := p.run(mounted("writer", "busybox stat -c %g /data && echo kept >/data/file")); got != "2000\n" {
		t.Errorf("the volume belongs to group %q", got)
	}
	if got := p.run(mounted("reader", "cat /data/file")); got != "kept\n" {
		t.Errorf("the second pod reads %q", got)
	}
	claim, err := claims.Get(p.ctx, "data", meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range []string{"writer", "reader"} {
		if err := p.client.CoreV1().Pods(p.name).Delete(p.ctx, pod, meta.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := claims.Delete(p.ctx, "data", meta.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.await("the volume's end", func(ctx context.Context) error {
		_, err := p.client.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, meta.GetOptions{})
		return gone(err)
	})
	left, err := filepath.Glob(filepath.Join(p.state.Dir, "nodes", "*", "fs", "var/lib/bed-volumes", claim.Spec.VolumeName))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
