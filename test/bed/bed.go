package bed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/opsgen/opsgen/test/controlplane"
	"github.com/opsgen/opsgen/test/fake"
)

// Open answers the bed of that name, which must be up.
func Open(name string) (*Bed, error) {
	dir, err := bedDir(name)
	if err != nil {
		return nil, err
	}
	s, err := readState(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no bed %q: make it by `bed up`", name)
	} else if err != nil {
		return nil, err
	}
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	return &Bed{state: s, client: client, progress: io.Discard, began: time.Now()}, nil
}

// Client calls the cluster as its administrator.
func (b *Bed) Client() kubernetes.Interface { return b.client }

// Kubeconfig is the path of the administrator's kubeconfig.
func (b *Bed) Kubeconfig() string { return b.state.Plane.KubeconfigFile(controlplane.Admin) }

// Dir is the bed's folder, which goes with it.
func (b *Bed) Dir() string { return b.state.Dir }

// HostAddress is the machine's address in the bed, where pods reach what the machine serves, such as a Git server.
// Without real nodes, it is the loopback address that is the bed's own.
func (b *Bed) HostAddress() string {
	if b.state.fakeOnly() {
		return b.state.Plane.Address.String()
	}
	return b.state.host().String()
}

// GitAddress is where a bed without real nodes serves its repositories, as https://host of each with a certificate that
// the authority in AuthorityFile signed. Inside a bed with real nodes their names lead there by themselves.
func (b *Bed) GitAddress() string { return b.state.gitAddress() }

// AuthorityFile is the path of the authority that signs the certificates of the bed's outside. Its key is in it, too.
func (b *Bed) AuthorityFile() string { return authorityFile(b.state.Layers) }

// Close ends a bed that is not detached and waits until it is gone.
func (b *Bed) Close(ctx context.Context) error { return Down(ctx, b.state.Name) }

// AddNode adds a real node and waits until it is ready. It answers the node's name.
func (b *Bed) AddNode(ctx context.Context) (string, error) {
	for number := 2; number <= MaxNodes; number++ {
		name := nodeName(number)
		if _, err := os.Stat(b.state.nodeDir(name)); err == nil {
			continue
		}
		if err := b.addMachine(ctx, number); err != nil {
			return "", err
		}
		return name, await(ctx, name, nodesReady(b.client, []string{name}))
	}
	return "", fmt.Errorf("a bed has at most %d nodes", MaxNodes)
}

// KillNode ends a node at once, as a power cut does. The cluster is not told. What is on its disk, logs among it, stays
// until the bed's end; StartNode gives the power back.
func (b *Bed) KillNode(ctx context.Context, name string) error {
	return b.state.call(ctx, http.MethodDelete, "/nodes/"+name, nil)
}

// StartNode starts a node that KillNode ended, and waits until it is ready.
func (b *Bed) StartNode(ctx context.Context, name string) error {
	var number int
	if _, err := fmt.Sscanf(name, nodePrefix+"%d", &number); err != nil || nodeName(number) != name {
		return fmt.Errorf("%q is no real node's name", name)
	}
	if err := b.state.call(ctx, http.MethodPost, "/nodes/"+strconv.Itoa(number), nil); err != nil {
		return err
	}
	return await(ctx, name, nodesReady(b.client, []string{name}))
}

// A NodeStatus is a node as the cluster and the machine see it.
type NodeStatus struct {
	Name, Zone string
	Ready      bool
	// Runs says whether the node's namespaces exist. Fake nodes have none.
	Runs, Fake bool
}

// Status lists the nodes, in the order of their names.
func (b *Bed) Status(ctx context.Context) ([]NodeStatus, error) {
	alive := map[string]int{}
	if err := b.state.call(ctx, http.MethodGet, "/nodes", &alive); err != nil {
		return nil, err
	}
	nodes, err := b.client.CoreV1().Nodes().List(ctx, meta.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("listing nodes: %w", err)
	}
	list := make([]NodeStatus, 0, len(nodes.Items))
	for i := range nodes.Items {
		n := &nodes.Items[i]
		_, runs := alive[n.Name]
		_, isFake := n.Labels[fake.Label]
		list = append(list, NodeStatus{n.Name, n.Labels["topology.kubernetes.io/zone"], ready(n), runs, isFake})
	}
	return list, nil
}

// LogFiles lists the logs of the bed's own processes by their names, such as node-1/kubelet and bed/services.
func (b *Bed) LogFiles() (map[string]string, error) {
	logs := map[string]string{}
	for prefix, pattern := range map[string]string{"": "nodes/*/log/*.log", "bed": "log/*.log"} {
		files, err := filepath.Glob(filepath.Join(b.state.Dir, pattern))
		if err != nil {
			return nil, fmt.Errorf("listing logs: %w", err)
		}
		for _, f := range files {
			owner := prefix
			if owner == "" {
				owner = filepath.Base(filepath.Dir(filepath.Dir(f)))
			}
			logs[owner+"/"+strings.TrimSuffix(filepath.Base(f), ".log")] = f
		}
	}
	return logs, nil
}

// Down removes the bed of that name and waits until nothing of it is left. A bed that is not there is no error.
func Down(ctx context.Context, name string) error {
	dir, err := bedDir(name)
	if err != nil {
		return err
	}
	warden, err := wardenOf(dir)
	if err != nil {
		return err
	}
	if warden != 0 {
		if err := syscall.Kill(warden, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("ending the bed: %w", err)
		}
	}
	if err := await(ctx, "the bed's end", func(context.Context) error {
		if pid, err := wardenOf(dir); err != nil || pid != 0 {
			return fmt.Errorf("process %d wards it: %w", pid, err)
		}
		return nil
	}); err != nil {
		return err
	}
	// A warden that was killed has removed nothing.
	return sweep(ctx, dir)
}

// removeDead removes what a killed warden left of a bed.
func removeDead(ctx context.Context, name string) error {
	dir, err := bedDir(name)
	if err != nil {
		return err
	}
	if warden, err := wardenOf(dir); err != nil || warden != 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return sweep(ctx, dir)
}

// call asks the switch and reads its answer into result, unless that is nil.
func (s *state) call(ctx context.Context, method, path string, result any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://switch"+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking the switch: %w", err)
	}
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.socket())
		},
	}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking the switch: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body) //nolint:errcheck // The status says enough.
		return fmt.Errorf("asking the switch for %s: %s: %s", path, response.Status, text)
	}
	if result == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(result); err != nil {
		return fmt.Errorf("reading the switch's answer: %w", err)
	}
	return nil
}
