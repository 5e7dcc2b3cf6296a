package bed

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/opsgen/opsgen/test/controlplane"
	"github.com/opsgen/opsgen/test/image"
)

const (
	// MaxNodes is how many real nodes a bed may have.
	MaxNodes = 16
	maxBeds  = 16

	registryPort = 5000
	apiPort      = 6443
	etcdPort     = 2379

	nodePrefix = "node-"
)

// state is what all processes of a bed know of it. It is kept as bed.json in its folder.
type state struct {
	Name  string
	Index int
	Dir   string
	Plane controlplane.Plane
	// Programs is the folder of the bed's programs by their names.
	Programs string
	Images   []image.Spec
	// Layers caches the images' layers.
	Layers string
	// Aliases are images that each node gives the names under which manifests pin them.
	Aliases []image.Alias
	// Repositories are the addresses of Git repositories that the bed serves, and Hosts the names in them.
	Repositories, Hosts []string
}

var nameFormat = regexp.MustCompile(`^[a-z][a-z0-9-]{0,19}$`)

// folder is where beds are kept. It is outside /etc, /opt and /var, which nodes overlay.
func folder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for beds: %w", err)
	}
	for _, overlaid := range []string{"/etc/", "/opt/", "/var/"} {
		if strings.HasPrefix(cache, overlaid) {
			return "", fmt.Errorf("the cache folder %s is below %s, of which each node has a copy, and an overlay cannot lie on "+
				"another: set XDG_CACHE_HOME to a folder elsewhere", cache, overlaid)
		}
	}
	return filepath.Join(cache, "opsgen", "beds"), nil
}

// layersDir is where the layers of images are kept for all beds.
func layersDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding a folder for layers: %w", err)
	}
	return filepath.Join(cache, "opsgen", "bed", "layers"), nil
}

func bedDir(name string) (string, error) {
	// The name becomes part of paths, links and cgroups.
	if !nameFormat.MatchString(name) {
		return "", fmt.Errorf("%q is no name of a bed: at most 20 lower-case letters, digits and hyphens", name)
	}
	root, err := folder()
	return filepath.Join(root, name), err
}

func readState(dir string) (*state, error) {
	data, err := os.ReadFile(filepath.Join(dir, "bed.json"))
	if err != nil {
		return nil, fmt.Errorf("reading a bed: %w", err)
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("reading a bed: %w", err)
	}
	return &s, nil
}

func (s *state) write() error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding a bed: %w", err)
	}
	if err := os.WriteFile(filepath.Join(s.Dir, "bed.json"), data, 0o600); err != nil {
		return fmt.Errorf("writing a bed: %w", err)
	}
	return nil
}

// A bed has 10.<200+index>.0.0/16: nodes in .0/24, load balancers in .1/24, services in .64/18, pods in .128/17.
func (s *state) address(third, fourth byte) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(200 + s.Index), third, fourth}) //nolint:gosec // Less than maxBeds.
}

func (s *state) network() netip.Prefix      { return netip.PrefixFrom(s.address(0, 0), 16) }
func (s *state) gateway() netip.Addr        { return s.address(0, 1) }
func (s *state) host() netip.Addr           { return s.address(0, 254) }
func (s *state) balancers() netip.Prefix    { return netip.PrefixFrom(s.address(1, 0), 24) }
func (s *state) services() netip.Prefix     { return netip.PrefixFrom(s.address(64, 0), 18) }
func (s *state) pods() netip.Prefix         { return netip.PrefixFrom(s.address(128, 0), 17) }
func (s *state) link() string               { return "bed" + strconv.Itoa(s.Index) }
func (s *state) socket() string             { return filepath.Join(s.Dir, "control.sock") }
func (s *state) nodeDir(name string) string { return filepath.Join(s.Dir, "nodes", name) }
func nodeName(number int) string            { return nodePrefix + strconv.Itoa(number) }
func (s *state) node(number int) netip.Addr { return s.address(0, byte(number+1)) } //nolint:gosec // <= MaxNodes.
func (s *state) podsOf(number int) netip.Prefix {
	return netip.PrefixFrom(s.address(byte(128+number), 0), 24) //nolint:gosec // <= MaxNodes.
}

// claim makes the folder of a new bed and finds it addresses that neither another bed nor the machine uses.
func claim(name string) (*state, error) {
	dir, err := bedDir(name)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, fmt.Errorf("making a folder for beds: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("there is a bed %q already: see `bed status`, or remove it by `bed down`", name)
	} else if err != nil {
		return nil, fmt.Errorf("making the folder of bed %q: %w", name, err)
	}
	s := &state{Name: name, Dir: dir}
	used, err := usedNetworks(filepath.Dir(dir))
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	for s.Index = range maxBeds {
		if !overlaps(s.network(), used) {
			return s, errors.Join(os.MkdirAll(filepath.Join(dir, "log"), 0o755), s.write())
		}
	}
	return nil, errors.Join(errors.New("no network of 10.200.0.0 to 10.215.0.0 is free"), os.Remove(dir))
}

func overlaps(n netip.Prefix, used []netip.Prefix) bool {
	for _, u := range used {
		if n.Overlaps(u) {
			return true
		}
	}
	return false
}

func usedNetworks(beds string) ([]netip.Prefix, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("listing the machine's addresses: %w", err)
	}
	var used []netip.Prefix
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			used = append(used, p.Masked())
		}
	}
	entries, err := os.ReadDir(beds)
	if err != nil {
		return nil, fmt.Errorf("listing beds: %w", err)
	}
	for _, e := range entries {
		if other, err := readState(filepath.Join(beds, e.Name())); err == nil {
			used = append(used, other.network())
		}
	}
	return used, nil
}
