package bed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/opsgen/opsgen/test/build"
	"github.com/opsgen/opsgen/test/fake"
)

// link puts a file into a folder of another user's, where the file's own folder cannot be read.
func link(t *testing.T, source, target string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(source, target); err != nil {
		// On another file system, then.
		if err := os.CopyFS(filepath.Dir(target), os.DirFS(filepath.Dir(source))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFakeNodesNeedNoRoot(t *testing.T) {
	t.Parallel()
	programs, err := build.Ensure(t.Context(), []string{"hyper", "kwok"}, build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: nobody else may enter that.
	home, err := os.MkdirTemp("", "bed-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(home)
	self := filepath.Join(home, "bin", "test")
	link(t, os.Args[0], self)
	for name, path := range programs {
		folder := filepath.Base(filepath.Dir(path))
		link(t, path, filepath.Join(home, "opsgen", "bed", "bin", folder, name))
	}
	for _, l := range []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"} {
		folder := filepath.Base(filepath.Dir(programs["hyper"]))
		if err := os.Symlink("hyper", filepath.Join(home, "opsgen", "bed", "bin", folder, l)); err != nil {
			t.Fatal(err)
		}
	}
	const nobody = 65534
	if err := filepath.WalkDir(home, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			err = os.Chown(path, nobody, nobody)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), self)
	command.Env = append(os.Environ(), upInstead+"=nobody", fakeInstead+"=2", "HOME="+home, "XDG_CACHE_HOME="+home)
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "2 nodes") {
		t.Errorf("%v: %s", err, out)
	}
	if left, err := filepath.Glob(filepath.Join(home, "opsgen", "beds", "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// web has three replicas with a volume each, spread over the zones of fake nodes.
func web(annotations map[string]string) *apps.StatefulSet {
	replicas, labels := int32(3), map[string]string{"app": "web"}
	return &apps.StatefulSet{
		ObjectMeta: meta.ObjectMeta{Name: "web"},
		Spec: apps.StatefulSetSpec{
			Replicas: &replicas, Selector: &meta.LabelSelector{MatchLabels: labels},
			PodManagementPolicy: apps.ParallelPodManagement,
			Template: core.PodTemplateSpec{
				ObjectMeta: meta.ObjectMeta{Labels: labels, Annotations: annotations},
				Spec: core.PodSpec{
					NodeSelector: map[string]string{fake.Label: "true"},
					Tolerations:  []core.Toleration{{Key: fake.Label, Operator: core.TolerationOpExists}},
					Containers:   []core.Container{{Name: "web", Image: "quay.io/acme/web:v1"}},
					TopologySpreadConstraints: []core.TopologySpreadConstraint{{
						MaxSkew: 1, TopologyKey: core.LabelTopologyZone, WhenUnsatisfiable: core.DoNotSchedule,
						LabelSelector: &meta.LabelSelector{MatchLabels: labels},
					}},
				},
			},
			VolumeClaimTemplates: []core.PersistentVolumeClaim{{
				ObjectMeta: meta.ObjectMeta{Name: "data"},
				Spec: core.PersistentVolumeClaimSpec{
					AccessModes: []core.PersistentVolumeAccessMode{core.ReadWriteOnce},
					Resources:   core.VolumeResourceRequirements{Requests: core.ResourceList{core.ResourceStorage: resource.MustParse("1Gi")}},
				},
			}},
		},
	}
}

func TestFakeNodesBesideRealOnesHaveZonesAndVolumes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "privileged")
	names, err := p.AddFakeNodes(p.ctx, 3, Zones())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.client.AppsV1().StatefulSets(p.name).Create(p.ctx, web(nil), meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	p.await("three ready replicas", func(ctx context.Context) error {
		s, err := p.client.AppsV1().StatefulSets(p.name).Get(ctx, "web", meta.GetOptions{})
		if err != nil {
			return err
		}
		if s.Status.ReadyReplicas != 3 {
			return fmt.Errorf("there are %d", s.Status.ReadyReplicas)
		}
		return nil
	})
	used := map[string]bool{}
	for i := range names {
		pod, err := p.pod(p.ctx, fmt.Sprint("web-", i))
		if err != nil {
			t.Fatal(err)
		}
		used[pod.Spec.NodeName] = true
	}
	if len(used) != 3 {
		t.Errorf("three replicas are on %v", used)
	}
	// Without the toleration, nothing is placed where nothing runs.
	refused := shell("refused", "true")
	refused.Spec.NodeSelector = map[string]string{fake.Label: "true"}
	p.create(refused)
	p.await("the refusal", func(ctx context.Context) error {
		pod, err := p.pod(ctx, "refused")
		if err != nil {
			return err
		}
		for _, c := range pod.Status.Conditions {
			if c.Type == core.PodScheduled && c.Reason == core.PodReasonUnschedulable {
				return nil
			}
		}
		return errors.New("the scheduler has said nothing")
	})
	for _, name := range names {
		if err := p.client.CoreV1().Nodes().Delete(p.ctx, name, meta.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	}
}

func TestACrashingFakePodIsNeverReady(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "privileged")
	names, err := p.AddFakeNodes(p.ctx, 1, []string{"z9"})
	if err != nil {
		t.Fatal(err)
	}
	pod := shell("crash", "true")
	pod.Annotations = map[string]string{fake.Crash: "true"}
	pod.Spec.NodeName = names[0]
	p.create(pod)
	if message := p.waitingFor("crash", "CrashLoopBackOff"); message == "" {
		t.Error("nothing says why")
	}
	if err := p.client.CoreV1().Nodes().Delete(p.ctx, names[0], meta.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

func TestACommandRunsOnANode(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "privileged")
	command, err := p.Command(p.ctx, "node-2", "sh", "-c", "hostname; ip -o -4 address show eth0")
	if err != nil {
		t.Fatal(err)
	}
	out, err := command.CombinedOutput()
	if want := p.state.node(2).String() + "/24"; err != nil || !strings.Contains(string(out), "node-2\n") || !strings.Contains(string(out), want) {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := p.Command(p.ctx, "node-9", "true"); err == nil || !strings.Contains(err.Error(), "node-9") {
		t.Errorf("a node that is not there: %v", err)
	}
}

func TestWhatAMachineLacksIsNamed(t *testing.T) {
	err := missingCapabilities("Name:\tx\nCapEff:\t0000000000001000\nCapBnd:\tffff\n")
	if err == nil || !strings.Contains(err.Error(), "CAP_SYS_ADMIN") || strings.Contains(err.Error(), "CAP_NET_ADMIN") {
		t.Errorf("a process with CAP_NET_ADMIN alone: %v", err)
	}
	if err := checkKernel(); err != nil {
		t.Errorf("a kernel that runs beds: %v", err)
	}
	// A start that lacks a program must not wait for it.
	s := &state{Name: "x", Dir: t.TempDir()}
	s.Programs = filepath.Join(s.Dir, "bin")
	began := time.Now()
	if err := s.writeNode(2); err == nil || !strings.Contains(err.Error(), "node-2 has no program for containerd") {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}
