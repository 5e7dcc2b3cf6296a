package image

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"

	"sigs.k8s.io/yaml"

	"github.com/opsgen/opsgen/test/build"
)

// Images of the bed itself, which versions.yaml does not know. No registry has the ones of opsgen.test: the name is
// reserved for tests (RFC 6761).
const (
	// Pause holds the namespaces of each pod.
	Pause = "registry.k8s.io/pause:3.10"
	// CoreDNS answers the cluster's names.
	CoreDNS = "opsgen.test/coredns:bed"
	// Shell is a shell and small tools, for looking around and for pods of tests.
	Shell = "opsgen.test/shell:bed"
	// LokiEarlier is the release of Loki before the one of the bundle.
	LokiEarlier = "docker.io/grafana/loki:3.7.7"
	// Prometheus and Collector are senders of metrics and logs.
	Prometheus = "opsgen.test/prometheus:bed"
	Collector  = "opsgen.test/collector:bed"
)

// An Image is one row of the table: what runs under a name of versions.yaml, or under one of the bed's own references.
type Image struct {
	// Name is the image's name in versions.yaml; for the bed's own, its reference.
	Name string
	// Reference is what manifests call it.
	Reference string
	// Program is the program of package build that it holds; System instead is a command of the machine. Beside one,
	// Program is a second program, in /bin.
	Program, System string
	// Path is where the program lies in the image, as in the original.
	Path string
	// User is "UID:GID" of the original; empty: 65532:65532.
	User string
	// StandsIn says what differs from the real program; empty: it is the real one.
	StandsIn string
	// Missing says why there is no image at all: a pod with it gets ErrImagePull.
	Missing string
}

func rows() []Image {
	const noACME = "no ACME, Vault or Venafi, and no leader election: a main of ours over cert-manager's packages"
	app := func(name string) string { return "/app/cmd/" + name + "/" + name }
	return []Image{
		{Name: "cortex", Program: "cortex", Path: "/bin/cortex"},
		{Name: "loki", Program: "loki", Path: "/usr/bin/loki", User: "10001:10001"},
		{
			Name: "memcached", System: "memcached", Path: "/usr/local/bin/memcached", User: "11211:11211",
			StandsIn: "Debian's build of memcached, of another version and C library",
		},
		{
			Name: "grafana", Program: "grafana-standin", Path: "/usr/share/grafana/bin/grafana", User: "472:0",
			StandsIn: "not Grafana, which cannot be built: reads its configuration, answers probes, forwards to data sources; " +
				"checks no token and draws nothing",
		},
		{Name: "prometheus", Program: "prometheus", Path: "/bin/prometheus", User: "65534:65534"},
		{Name: "blackbox-exporter", Program: "blackbox_exporter", Path: "/bin/blackbox_exporter"},
		{Name: "cloudwatch-exporter", Missing: "there is no AWS to ask"},
		{Name: "cloud-monitoring-exporter", Missing: "there is no Google Cloud to ask"},
		{Name: "azure-monitor-exporter", Missing: "there is no Azure to ask"},
		{Name: "object-store", Program: "versitygw", Path: "/usr/local/bin/versitygw"},
		{Name: "proxy", Program: "proxy", Path: "/proxy"},
		{Name: "syncer", Program: "syncer", Path: "/syncer"},
		{Name: "source-controller", Program: "source-controller", Path: "/usr/local/bin/source-controller", User: "65534:65534"},
		{Name: "kustomize-controller", Program: "kustomize-controller", Path: "/usr/local/bin/kustomize-controller", User: "65534:65534"},
		{Name: "cert-manager-controller", Program: "controller", Path: app("controller"), StandsIn: noACME},
		{Name: "cert-manager-webhook", Program: "webhook", Path: app("webhook")},
		{
			Name: "cert-manager-cainjector", Program: "cainjector", Path: app("cainjector"),
			StandsIn: "no leader election: a main of ours over cert-manager's packages",
		},
		{Name: "cert-manager-acmesolver", Missing: "started for HTTP-01 challenges only, and there is no ACME server"},
		{
			Name: "external-dns", Program: "external-dns", Path: "/ko-app/external-dns",
			StandsIn: "no provider's library: a main of ours over external-dns' packages, which keeps records in memory",
		},
		{
			Name: "cluster-autoscaler", Program: "autoscaler-standin", Path: "/cluster-autoscaler",
			StandsIn: "there is no AWS: asks the API server for what the autoscaler looks at, and changes no nodes",
		},
		{Name: Pause, Program: "pause", Path: "/pause", User: "65535:65535", StandsIn: "a pause of ours"},
		{Name: CoreDNS, Program: "coredns", Path: "/coredns"},
		{Name: Shell, System: "busybox", Program: "fetch", Path: "/bin/busybox"},
		{
			Name: LokiEarlier, Program: "loki-earlier", Path: "/usr/bin/loki", User: "10001:10001",
			StandsIn: "the release before, with the libraries of the one that is shipped",
		},
		{Name: Prometheus, Program: "prometheus", Path: "/bin/prometheus", User: "65534:65534"},
		{
			Name: Collector, Program: "collector", Path: "/collector", User: "10001:10001",
			StandsIn: "an OpenTelemetry Collector of only the parts that tests send by",
		},
	}
}

// Table answers every image with the references that versions.yaml in the parent of folder (the bed's module) gives it.
// An image of versions.yaml without a row is an error: somebody must decide what runs in its place.
func Table(folder string) ([]Image, error) {
	data, err := os.ReadFile(filepath.Join(folder, "..", "versions.yaml"))
	if err != nil {
		return nil, fmt.Errorf("reading the references of images: %w", err)
	}
	var versions struct {
		Images map[string]struct{ Repository, Tag, Digest string } `json:"images"`
	}
	if err := yaml.Unmarshal(data, &versions); err != nil {
		return nil, fmt.Errorf("reading the references of images in versions.yaml: %w", err)
	}
	table := rows()
	for i := range table {
		row := &table[i]
		if row.System != "" {
			if _, err := build.FindCommand(row.System); err != nil {
				row.Missing = err.Error()
			}
		}
		pin, ok := versions.Images[row.Name]
		if !ok {
			row.Reference = row.Name
			continue
		}
		delete(versions.Images, row.Name)
		row.Reference = pin.Repository + ":" + pin.Tag
		if pin.Digest != "" {
			row.Reference += "@" + pin.Digest
		}
	}
	for name := range versions.Images {
		return nil, fmt.Errorf("image %s of versions.yaml has no row in the cluster bed's table (test/image/table.go)", name)
	}
	return table, nil
}

// Specs builds the programs of the named images (those of versions.yaml that can be had, when there are no names) and
// answers how the images are assembled, with the rows that they came from, from which reports take the stand-ins.
func Specs(ctx context.Context, names []string, o build.Options) ([]Spec, []Image, error) {
	folder, err := build.Folder(o.Folder)
	if err != nil {
		return nil, nil, err
	}
	o.Folder = folder
	table, err := Table(folder)
	if err != nil {
		return nil, nil, err
	}
	if table, err = choose(table, names); err != nil {
		return nil, nil, err
	}
	programs, err := programs(ctx, table, o)
	if err != nil {
		return nil, nil, err
	}
	specs := make([]Spec, len(table))
	for i, row := range table {
		if specs[i], err = row.spec(programs); err != nil {
			return nil, nil, err
		}
	}
	return specs, table, nil
}

// choose answers the rows of the names, or those of versions.yaml that can be had.
func choose(table []Image, names []string) ([]Image, error) {
	for _, name := range names {
		i := slices.IndexFunc(table, func(row Image) bool { return row.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("the cluster bed knows no image %q", name)
		}
		if table[i].Missing != "" {
			return nil, fmt.Errorf("the cluster bed has no image %s: %s", name, table[i].Missing)
		}
	}
	return slices.DeleteFunc(table, func(row Image) bool {
		if len(names) > 0 {
			return !slices.Contains(names, row.Name)
		}
		return row.Missing != "" || row.Reference == row.Name
	}), nil
}

func programs(ctx context.Context, table []Image, o build.Options) (map[string]string, error) {
	var names []string
	for _, row := range table {
		if row.Program != "" {
			names = append(names, row.Program)
		}
	}
	return build.Ensure(ctx, names, o)
}

func (row Image) spec(programs map[string]string) (Spec, error) {
	source := programs[row.Program]
	if row.System != "" {
		var err error
		if source, err = build.FindCommand(row.System); err != nil {
			return Spec{}, fmt.Errorf("assembling image %s: %w", row.Reference, err)
		}
	}
	libraries, err := Libraries(source, runtime.GOARCH)
	if err != nil {
		return Spec{}, fmt.Errorf("assembling image %s: %w", row.Reference, err)
	}
	spec := Spec{
		Reference:  row.Reference,
		Entrypoint: []string{row.Path},
		User:       row.User,
		Folders:    []string{"/tmp"},
		Files:      append([]File{{Path: row.Path, Source: source}}, libraries...),
	}
	if row.System != "" && row.Program != "" {
		spec.Files = append(spec.Files, File{Path: path.Join("/bin", row.Program), Source: programs[row.Program]})
	}
	if row.Name == Shell {
		spec.Entrypoint = []string{"/bin/sh"}
		for _, tool := range []string{"sh", "cat", "ls", "mkdir", "rm", "sleep", "nslookup", "id", "env", "chmod", "echo"} {
			spec.Files = append(spec.Files, File{Path: path.Join("/bin", tool), Link: "busybox"})
		}
	}
	return spec, nil
}
