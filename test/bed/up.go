package bed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"

	"github.com/opsgen/opsgen/test/controlplane"
	"github.com/opsgen/opsgen/test/image"
	"github.com/opsgen/opsgen/test/node"
)

const (
	nodeMemory = 8 << 30
	startLimit = 4 * time.Minute // ten seconds on an idle machine, where nothing else starts
)

// Options say what bed is made.
type Options struct {
	// Name tells beds apart; empty: "bed". At most 20 lower-case letters, digits and hyphens.
	Name string
	// Nodes is how many real nodes there are, 1 to MaxNodes; 0: one, or none when there are fake ones.
	Nodes int
	// Fake is how many fake nodes there are, in the zones in turn. Without real nodes, nobody need be root, and there is
	// neither a name service nor anything that runs in a pod.
	Fake int
	// Zones are those of the fake nodes; nil: z1, z2, z3.
	Zones []string
	// Images are served beside the cluster's own, by their references.
	Images []image.Spec
	// Repositories are addresses "https://host/path" of Git repositories that the bed serves to the cluster; at first
	// they are empty. Push to what Repository answers.
	Repositories []string
	// Detached leaves the bed up when this process ends. It else ends with it, however that ends.
	Detached bool
	// Progress gets a line for each step with its time; nil: nothing.
	Progress io.Writer
}

// A Bed is a cluster that is up.
type Bed struct {
	state    *state
	client   *kubernetes.Clientset
	owner    io.Closer
	progress io.Writer
	began    time.Time
}

// Up makes a bed and waits until its nodes and its name service are ready. Whoever is not root gets an error that says
// so, as does a machine that lacks something. A bed that does not come up is removed again.
func Up(ctx context.Context, o Options) (*Bed, error) {
	if o.Name == "" {
		o.Name = "bed"
	}
	if o.Fake == 0 {
		o.Nodes = max(o.Nodes, 1)
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Nodes > MaxNodes {
		return nil, fmt.Errorf("%d nodes: a bed has at most %d", o.Nodes, MaxNodes)
	}
	if o.Nodes > 0 {
		if err := checkMachine(); err != nil {
			return nil, err
		}
	}
	b := &Bed{progress: o.Progress, began: time.Now()}
	programs, err := ensurePrograms(ctx, o)
	if err != nil {
		return nil, err
	}
	b.say("build", strconv.Itoa(len(programs))+" programs")
	b.began = time.Now()
	if err := removeDead(ctx, o.Name); err != nil {
		return nil, err
	}
	if b.state, err = claim(o.Name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := b.start(ctx, o, programs); err != nil {
		err = fmt.Errorf("%w\n%s", err, b.state.lastWords())
		cleanup, cancelCleanup := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancelCleanup()
		return nil, errors.Join(err, Down(cleanup, o.Name))
	}
	return b, nil
}

func (b *Bed) start(ctx context.Context, o Options, programs map[string]string) error {
	if err := b.state.prepare(ctx, o, programs); err != nil {
		return err
	}
	owner, err := b.state.startWarden()
	if err != nil {
		return err
	}
	b.owner = owner
	if b.client, err = b.state.client(); err != nil {
		return err
	}
	if err := await(ctx, "the switch", func(context.Context) error {
		_, err := os.Stat(b.state.socket())
		return err //nolint:wrapcheck // await wraps it.
	}); err != nil {
		return err
	}
	names := make([]string, 0, o.Nodes)
	for i := range o.Nodes {
		if err := b.addMachine(ctx, i+1); err != nil {
			return err
		}
		names = append(names, nodeName(i+1))
	}
	if o.Nodes > 0 {
		b.say("namespaces", strconv.Itoa(o.Nodes)+" nodes")
	}
	if err := await(ctx, "the API server", apiReady(b.client)); err != nil {
		return err
	}
	b.say("api", b.state.Plane.URL())
	if err := install(ctx, b.client, b.state); err != nil {
		return err
	}
	if err := b.awaitNodes(ctx, names, o); err != nil {
		return err
	}
	if o.Detached {
		if _, err := io.WriteString(owner, detachMessage); err != nil {
			return fmt.Errorf("detaching the bed: %w", err)
		}
	}
	return nil
}

func (b *Bed) awaitNodes(ctx context.Context, names []string, o Options) error {
	if o.Fake > 0 {
		zones := o.Zones
		if zones == nil {
			zones = Zones()
		}
		if _, err := b.AddFakeNodes(ctx, o.Fake, zones); err != nil {
			return err
		}
		b.say("fake", strconv.Itoa(o.Fake)+" nodes")
	}
	if len(names) == 0 {
		return nil
	}
	if err := await(ctx, "the nodes", nodesReady(b.client, names)); err != nil {
		return err
	}
	b.say("node", "ready")
	if err := await(ctx, "the name service", nameServiceReady(b.client)); err != nil {
		return err
	}
	b.say("dns", "ready")
	return nil
}

func (b *Bed) say(step, text string) {
	fmt.Fprintf(b.progress, "%-10s %-50s %6.1f s\n", step, text, time.Since(b.began).Seconds())
}

// prepare writes everything that the bed's processes read.
func (s *state) prepare(ctx context.Context, o Options, programs map[string]string) error {
	s.Programs = filepath.Join(s.Dir, "bin")
	if err := os.Mkdir(s.Programs, 0o755); err != nil {
		return fmt.Errorf("making the folder of programs: %w", err)
	}
	for name, path := range programs {
		if err := os.Symlink(path, filepath.Join(s.Programs, name)); err != nil {
			return fmt.Errorf("linking programs: %w", err)
		}
	}
	layers, err := layersDir()
	if err != nil {
		return err
	}
	s.Layers = layers
	if o.Nodes > 0 {
		s.Images = append(ownImages(programs), o.Images...)
	}
	if err := s.prepareOutside(ctx, o.Repositories); err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	s.Aliases = store.Aliases()
	s.Plane = controlplane.Plane{
		Dir: filepath.Join(s.Dir, "controlplane"), Address: s.node(1), Port: apiPort, EtcdPort: etcdPort, Services: s.services(),
	}
	if o.Nodes == 0 {
		s.Plane.Address = s.loopback()
	}
	for i := range MaxNodes {
		s.Plane.Nodes = append(s.Plane.Nodes, nodeName(i+1))
	}
	return errors.Join(s.Plane.Write(), s.write())
}

// writeNode writes the specification of a node. The first one runs the control plane, too.
func (s *state) writeNode(number int) error {
	name := nodeName(number)
	spec := &node.Spec{
		Name: name, Zone: Zones()[(number-1)%len(Zones())], Dir: s.nodeDir(name),
		Cgroup: "opsgen-" + s.Name + "-" + name, MemoryBytes: nodeMemory,
		Address: netip.PrefixFrom(s.node(number), 24), Gateway: s.gateway(),
	}
	if number == 1 {
		processes, err := s.planeProcesses()
		if err != nil {
			return err
		}
		spec.Processes = processes
	}
	if err := spec.Join(node.Cluster{
		Programs: s.Programs, CAFile: s.Plane.CAFile(), Kubelet: s.Plane.KubeconfigFile(controlplane.NodeUser(name)),
		Proxy:  s.Plane.KubeconfigFile(controlplane.Proxy),
		Policy: s.Plane.KubeconfigFile(controlplane.Policies),
		Pods:   s.pods(), PodsHere: s.podsOf(number), Services: s.services(), DNS: s.Plane.DNS(),
		Registry: netip.AddrPortFrom(s.gateway(), registryPort), PauseImage: pauseImage, Before: s.before(),
	}); err != nil {
		return fmt.Errorf("preparing %s: %w", name, err)
	}
	return spec.Write() //nolint:wrapcheck // It says which node.
}

func (b *Bed) addMachine(ctx context.Context, number int) error {
	if err := b.state.writeNode(number); err != nil {
		return err
	}
	return b.state.call(ctx, http.MethodPost, "/nodes/"+strconv.Itoa(number), nil)
}

// startWarden starts the bed's warden in a session of its own, so that signals of a terminal end a command and not the
// bed. What it answers keeps the bed up until it is closed.
func (s *state) startWarden() (*os.File, error) {
	theirs, ours, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("making a pipe: %w", err)
	}
	defer theirs.Close()
	out, err := os.OpenFile(filepath.Join(s.Dir, "log", "warden.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening a log: %w", err), ours.Close())
	}
	defer out.Close()
	command := exec.Command("/proc/self/exe", internal, stageWarden, s.Dir) //nolint:noctx // It outlives contexts.
	command.Stdout, command.Stderr, command.ExtraFiles = out, out, []*os.File{theirs}
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the warden: %w", err), ours.Close())
	}
	go func() { _ = command.Wait() }() // Nobody asks for its status; it is collected.
	return ours, nil
}
