package bed

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/image"
)

// upInstead makes a test program a command that makes a bed of that name, for tests that interrupt one; with fakeInstead, a
// bed of so many fake nodes, for tests that are not root.
const (
	upInstead   = "BED_TEST_UP"
	fakeInstead = "BED_TEST_FAKE"
)

func TestMain(m *testing.M) {
	Internal()
	if name := os.Getenv(upInstead); name != "" {
		if err := upOnly(name, os.Getenv(fakeInstead)); err != nil {
			fmt.Println("up failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	// A bed that is not detached ends with this process, whatever happens here.
	if err := Down(context.Background(), sharedName); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func upOnly(name, fakes string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	o := Options{Name: name, Progress: os.Stdout}
	if fakes != "" {
		var err error
		if o.Fake, err = strconv.Atoi(fakes); err != nil {
			return err
		}
	}
	b, err := Up(ctx, o)
	if err != nil {
		return err
	}
	return b.Close(ctx)
}

const sharedName = "tests"

// shared is the bed of all tests that leave it whole: two real nodes.
var shared = sync.OnceValues(func() (*Bed, error) {
	ctx := context.Background()
	images, _, err := image.Specs(ctx, []string{image.Shell, "external-dns"}, build.Options{})
	if err != nil {
		return nil, err
	}
	return Up(ctx, Options{Name: sharedName, Nodes: 2, Images: images, Progress: os.Stderr})
})

// A place is a namespace of the shared bed that one test uses.
type place struct {
	*Bed
	t    *testing.T
	ctx  context.Context
	name string
}

var places struct {
	sync.Mutex
	count int
}

// newPlace makes a namespace in which Pod Security is enforced at the level.
func newPlace(t *testing.T, level string) *place {
	t.Helper()
	b, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	t.Cleanup(cancel)
	places.Lock()
	places.count++
	name := fmt.Sprintf("test-%d", places.count)
	places.Unlock()
	p := &place{Bed: b, t: t, ctx: ctx, name: name}
	_, err = b.client.CoreV1().Namespaces().Create(ctx, &core.Namespace{ObjectMeta: meta.ObjectMeta{
		Name: name, Labels: map[string]string{"pod-security.kubernetes.io/enforce": level},
	}}, meta.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.client.CoreV1().Namespaces().Delete(context.Background(), name, meta.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	p.await("the account of pods", func(ctx context.Context) error {
		_, err := b.client.CoreV1().ServiceAccounts(name).Get(ctx, "default", meta.GetOptions{})
		return err
	})
	return p
}

func (p *place) await(what string, done func(context.Context) error) {
	p.t.Helper()
	if err := await(p.ctx, what, done); err != nil {
		p.t.Fatal(err)
	}
}

// shell is a pod that Pod Security's level "restricted" admits.
func shell(name, script string) *core.Pod {
	yes, no, user, grace := true, false, int64(1000), int64(0)
	return &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec: core.PodSpec{
			RestartPolicy: core.RestartPolicyNever, TerminationGracePeriodSeconds: &grace,
			SecurityContext: &core.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &user,
				SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []core.Container{{
				Name: "shell", Image: image.Shell, Command: []string{"/bin/sh", "-c", script},
				SecurityContext: &core.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes,
					Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}},
				},
			}},
		},
	}
}

// server is a pod that serves its name as a page, ready when it does.
func server(name, node string) *core.Pod {
	pod := shell(name, "mkdir /tmp/www && echo "+name+" >/tmp/www/index.html && exec busybox httpd -f -p 8080 -h /tmp/www")
	pod.Spec.NodeName = node
	pod.Spec.Volumes = []core.Volume{{Name: "tmp", VolumeSource: core.VolumeSource{EmptyDir: &core.EmptyDirVolumeSource{}}}}
	c := &pod.Spec.Containers[0]
	c.VolumeMounts = []core.VolumeMount{{Name: "tmp", MountPath: "/tmp"}}
	c.ReadinessProbe = &core.Probe{PeriodSeconds: 1, ProbeHandler: core.ProbeHandler{
		HTTPGet: &core.HTTPGetAction{Path: "/", Port: intstr.FromInt32(8080)},
	}}
	return pod
}

func (p *place) create(pod *core.Pod) {
	p.t.Helper()
	if _, err := p.client.CoreV1().Pods(p.name).Create(p.ctx, pod, meta.CreateOptions{}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) pod(ctx context.Context, name string) (*core.Pod, error) {
	return p.client.CoreV1().Pods(p.name).Get(ctx, name, meta.GetOptions{})
}

// start makes pods and waits until all are ready.
func (p *place) start(pods ...*core.Pod) {
	p.t.Helper()
	for _, pod := range pods {
		p.create(pod)
	}
	for _, pod := range pods {
		p.await("pod "+pod.Name, func(ctx context.Context) error {
			got, err := p.pod(ctx, pod.Name)
			if err != nil {
				return err
			}
			for _, c := range got.Status.Conditions {
				if c.Type == core.PodReady && c.Status == core.ConditionTrue {
					return nil
				}
			}
			return fmt.Errorf("it is %s: %+v", got.Status.Phase, got.Status.ContainerStatuses)
		})
	}
}

// run runs a pod to its end and answers what it wrote.
func (p *place) run(pod *core.Pod) string {
	p.t.Helper()
	p.create(pod)
	p.await("the end of pod "+pod.Name, func(ctx context.Context) error {
		got, err := p.pod(ctx, pod.Name)
		if err != nil {
			return err
		}
		if got.Status.Phase != core.PodSucceeded && got.Status.Phase != core.PodFailed {
			return fmt.Errorf("it is %s: %+v", got.Status.Phase, got.Status.ContainerStatuses)
		}
		return nil
	})
	logs, err := p.client.CoreV1().Pods(p.name).GetLogs(pod.Name, &core.PodLogOptions{}).Stream(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	defer logs.Close()
	text, err := io.ReadAll(logs)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// kubectl calls the program that people use, in the place's namespace.
func (p *place) kubectl(arguments ...string) (string, error) {
	return p.administer(append([]string{"--namespace=" + p.name}, arguments...)...)
}

// administer calls kubectl where no namespace is the default.
func (p *place) administer(arguments ...string) (string, error) {
	command := exec.CommandContext(p.ctx, filepath.Join(p.state.Programs, "kubectl"),
		append([]string{"--kubeconfig=" + p.Kubeconfig()}, arguments...)...)
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return strings.TrimSpace(out.String()), err
}

// gone says whether an object was deleted.
func gone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("it is still there: %w", err)
}
