package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	apps "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/test/flux"
)

const mebi = 1 << 20

// A row is what a number of tenants costs. CPU is processor time, which other work on the machine changes less than wall
// time; memory is what is resident, in bytes.
type row struct {
	// tenants were generated, beside those of the repository; objects and units (Kustomizations) are all of the cluster's.
	tenants, objects, units int
	// render is the time of a render from nothing, renderMemory the most that it had.
	render       time.Duration
	renderMemory int64
	// come is the wall time from the push of the new tenants until all is ready.
	come time.Duration

	// What follows is of one release that changes one tenant. written is the objects that Flux wrote, reconciled how often
	// it compared a unit with the cluster.
	written    []string
	reconciled int
	// one is the wall time until the changed tenant was ready at the release, all until everything was.
	one, all time.Duration
	// pass is Flux' time for comparing everything in the cluster with Git, served the API server's for answering it.
	pass, served time.Duration

	// Memory now, but kustomizePeak, the most ever.
	kustomize, kustomizePeak, source, server int64
}

// grow brings the cluster to a number of generated tenants, changes one of them, and measures.
func (f *Fleet) grow(ctx context.Context, to int) (row, error) {
	r := row{tenants: to}
	for i := range to {
		if err := f.writeTenant(fmt.Sprintf("team-%03d", i)); err != nil {
			return r, err
		}
	}
	if err := f.measureRender(ctx, &r); err != nil {
		return r, err
	}
	began := time.Now()
	if to > 0 {
		if err := f.Release(ctx, fmt.Sprintf("Have %d tenants", to)); err != nil {
			return r, err
		}
		if err := f.Follow(ctx); err != nil {
			return r, err
		}
	}
	r.come = time.Since(began)
	if err := f.changeOne(ctx, &r); err != nil {
		return r, err
	}
	return r, f.measureMemory(ctx, &r)
}

// writeTenant writes a tenant of the smallest kind into the fork.
func (f *Fleet) writeTenant(name string) error {
	return f.Fork.Write("tenants/"+name+"/tenant.yaml", fmt.Sprintf(
		"displayName: %s\nowners: [\"@example/%[1]s\"]\nclusters: [%s]\nclass: small\ngrafana:\n  roles:\n    Editor: [%[1]s]\n",
		name, f.Cluster))
}

// measureRender renders without a cache, and reads what the kernel says that it took.
func (f *Fleet) measureRender(ctx context.Context, r *row) error {
	command := exec.CommandContext(ctx, f.Fork.Opsgen, "render", f.Cluster, "--no-cache")
	command.Dir, command.Env = f.Fork.Dir, append(os.Environ(), f.Fork.Env...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("rendering: %w: %s", err, out)
	}
	r.render = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.renderMemory = usage.Maxrss * 1024 // getrusage(2): in KiB
	}
	return nil
}

// changeOne changes how much a tenant of the repository may log, which is among everybody's limits and on a dashboard of its
// own, and waits for it and for all others.
func (f *Fleet) changeOne(ctx context.Context, r *row) error {
	const name = "payments"
	before, err := f.snapshot(ctx)
	if err != nil {
		return err
	}
	r.objects = len(before)
	from, err := f.effort(ctx)
	if err != nil {
		return err
	}
	f.changes++
	const row = "  bytesPerDay: %dGB\n"
	// Up and down in turn: each change is of the same size, and of the same objects.
	if err := f.Fork.Edit("tenants/"+name+"/tenant.yaml", fmt.Sprintf(row, 3-f.changes%2), fmt.Sprintf(row, 2+f.changes%2)); err != nil {
		return err
	}
	if err := f.Release(ctx, "Change one tenant"); err != nil {
		return err
	}
	began := time.Now()
	if err := flux.Fetch(ctx, f.Dynamic); err != nil {
		return err
	}
	if err := flux.Await(ctx, f.Dynamic, func(all []flux.Unit) error {
		for _, u := range all {
			if u.Name == "tenant-"+name && u.Ready && u.Revision == f.Commit {
				return nil
			}
		}
		return errors.New("the changed tenant is not there")
	}); err != nil {
		return err
	}
	r.one = time.Since(began)
	if err := f.await(ctx); err != nil {
		return err
	}
	r.all = time.Since(began)
	to, err := f.effort(ctx)
	if err != nil {
		return err
	}
	r.pass, r.served, r.reconciled = to.flux-from.flux, to.server-from.server, to.reconciled-from.reconciled
	after, err := f.snapshot(ctx)
	if err != nil {
		return err
	}
	r.written = written(before, after)
	names, err := f.unitNames()
	r.units = len(names)
	return err
}

// effort is what was done since the controllers and the API server began.
type effort struct {
	flux, server time.Duration
	reconciled   int
}

func (f *Fleet) effort(ctx context.Context) (effort, error) {
	controller := f.Flux.Controllers["kustomize-controller"]
	usage, err := controller.Usage()
	if err != nil {
		return effort{}, fmt.Errorf("kustomize-controller: %w", err)
	}
	// It says so once for each unit that it compared with the cluster, and not when the unit has to wait.
	reconciled, err := controller.Said(`"msg":"Reconciliation finished in`)
	if err != nil {
		return effort{}, fmt.Errorf("kustomize-controller: %w", err)
	}
	server, err := f.serverMetric(ctx, "process_cpu_seconds_total")
	return effort{flux: usage.CPU, server: time.Duration(server * float64(time.Second)), reconciled: reconciled}, err
}

// serverMetric reads a metric without labels of the API server.
func (f *Fleet) serverMetric(ctx context.Context, name string) (float64, error) {
	data, err := f.Client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, fmt.Errorf("asking the API server for its metrics: %w", err)
	}
	for line := range bytes.Lines(data) {
		if rest, found := bytes.CutPrefix(line, []byte(name+" ")); found {
			var value float64
			_, err := fmt.Sscan(string(rest), &value)
			return value, err
		}
	}
	return 0, fmt.Errorf("the API server has no metric %s", name)
}

// measureMemory says what is resident. Of kustomize-controller it may not be more than its pod would have.
func (f *Fleet) measureMemory(ctx context.Context, r *row) error {
	server, err := f.serverMetric(ctx, "process_resident_memory_bytes")
	if err != nil {
		return err
	}
	r.server = int64(server)
	for _, name := range []string{"source-controller", "kustomize-controller"} {
		usage, err := f.Flux.Controllers[name].Usage()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		limit, err := f.memoryLimit(name)
		if err != nil {
			return err
		}
		if usage.Peak > limit {
			return fmt.Errorf("with %d tenants, %s had %d MiB, and its pod may have %d", r.tenants, name, usage.Peak/mebi, limit/mebi)
		}
		if name == "source-controller" {
			r.source = usage.Memory
		} else {
			r.kustomize, r.kustomizePeak = usage.Memory, usage.Peak
		}
	}
	return nil
}

// memoryLimit is that of a controller's only container, in bytes.
func (f *Fleet) memoryLimit(controller string) (int64, error) {
	data, err := os.ReadFile(filepath.Join(f.Fork.Dir, "clusters", f.Cluster, "rendered", "controllers", "flux", "deployment-"+controller+".yaml"))
	if err != nil {
		return 0, fmt.Errorf("looking for a limit: %w", err)
	}
	d := &apps.Deployment{}
	if err := yaml.Unmarshal(data, d); err != nil {
		return 0, fmt.Errorf("looking for a limit: %w", err)
	}
	return d.Spec.Template.Spec.Containers[0].Resources.Limits.Memory().Value(), nil
}
