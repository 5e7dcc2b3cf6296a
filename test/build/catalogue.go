package build

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
)

// Folders of the modules that programs are built in, relative to the module of this package.
const (
	folderParts       = "parts"
	folderCortex      = "cortexcheck"
	folderLoki        = "lokicheck"
	folderBed         = "."
	folderProduct     = ".."
	folderCertManager = "parts/certmanager"
	folderExternalDNS = "parts/externaldns"
	folderObjectStore = "parts/objectstore"
	folderCollectors  = "parts/collectors"
	folderExporters   = "parts/exporters"
)

// A Binary is one program that Ensure can build.
type Binary struct {
	// Name is the program's file name, and its name in the cache and in messages.
	Name string
	// Links are further names under which the program is called; it then acts as the program of that name.
	Links []string
	// Module is the Go module whose version counts as the program's: it decides what the program does.
	Module string
	// Folder holds the go.mod in which the program is built, relative to the bed's module, with slashes.
	Folder string
	// Package is the package of the program: an import path, or a path relative to Folder that starts with "./".
	Package string
	// Version is Module's version in Folder's go.mod, "v1.2.3"; a `replace` counts. It is empty for programs of ours.
	Version string
	// Earlier is a release of Module before that one, which is built instead, with the libraries that Folder requires.
	Earlier string
	// Tags are build tags.
	Tags []string
	// LDFlags are given to the linker after -s and -w.
	LDFlags []string
	// CGO links against the machine's C library; all others are static.
	CGO bool
	// Sources are folders of ours, relative to Folder, whose Go files decide whether the program must be built anew.
	Sources []string
}

const kubernetes = "k8s.io/kubernetes"

// Catalogue lists every program that can be built, with the versions that the modules under folder (the bed's module,
// as Folder answers it) require.
func Catalogue(folder string) ([]Binary, error) {
	all := programs()
	pins := map[string]map[string]string{}
	for i := range all {
		b := &all[i]
		if b.Module == "" {
			continue
		}
		versions, ok := pins[b.Folder]
		if !ok {
			var err error
			if versions, err = requirements(filepath.Join(folder, filepath.FromSlash(b.Folder), "go.mod")); err != nil {
				return nil, err
			}
			pins[b.Folder] = versions
		}
		if b.Version = versions[b.Module]; b.Version == "" {
			return nil, fmt.Errorf("program %s: %s/go.mod does not require module %s", b.Name, b.Folder, b.Module)
		}
		if b.Earlier != "" {
			b.Version = b.Earlier
		}
		if b.Module == kubernetes {
			b.LDFlags = append(b.LDFlags, kubernetesVersion(b.Version)...)
		}
	}
	return all, nil
}

func programs() []Binary {
	const (
		containerd = "github.com/containerd/containerd/v2"
		plugins    = "github.com/containernetworking/plugins"
		source     = "github.com/fluxcd/source-controller"
		kustomize  = "github.com/fluxcd/kustomize-controller"
		kwok       = "sigs.k8s.io/kwok"
		loki       = "github.com/grafana/loki/v3"
		prometheus = "github.com/prometheus/prometheus"
	)
	small := []string{"no_btrfs", "no_devmapper", "no_zfs"}
	// Of what Prometheus finds targets by, only Kubernetes: the others link the libraries of every cloud.
	discovery := []string{"remove_all_sd", "enable_kubernetes_sd"}
	return []Binary{
		{Name: "hyper", Module: kubernetes, Folder: folderParts, Package: "./hyper", Sources: []string{"hyper"}, Links: []string{
			"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl",
		}},
		{Name: "containerd", Module: containerd, Folder: folderParts, Package: containerd + "/cmd/containerd", Tags: small},
		{
			Name: "containerd-shim-runc-v2", Module: containerd, Folder: folderParts,
			Package: containerd + "/cmd/containerd-shim-runc-v2", Tags: small,
		},
		{Name: "ctr", Module: containerd, Folder: folderParts, Package: containerd + "/cmd/ctr", Tags: small},
		{Name: "ptp", Module: plugins, Folder: folderParts, Package: plugins + "/plugins/main/ptp"},
		{Name: "loopback", Module: plugins, Folder: folderParts, Package: plugins + "/plugins/main/loopback"},
		{Name: "portmap", Module: plugins, Folder: folderParts, Package: plugins + "/plugins/meta/portmap"},
		{Name: "host-local", Module: plugins, Folder: folderParts, Package: plugins + "/plugins/ipam/host-local"},
		{Name: "coredns", Module: "github.com/coredns/coredns", Folder: folderParts, Package: "./coredns", Sources: []string{"coredns"}},
		{
			Name: "netpol", Module: "github.com/cloudnativelabs/kube-router/v2", Folder: folderParts, Package: "./netpol",
			Sources: []string{"netpol"},
		},
		{Name: "source-controller", Module: source, Folder: folderParts, Package: source},
		{Name: "kustomize-controller", Module: kustomize, Folder: folderParts, Package: kustomize},
		{Name: "kwok", Module: kwok, Folder: folderParts, Package: kwok + "/cmd/kwok"},
		{
			Name: "cortex", Module: "github.com/cortexproject/cortex", Folder: folderCortex,
			Package: "github.com/cortexproject/cortex/cmd/cortex", Tags: []string{"netgo", "slicelabels"},
		},
		// AGPL-3.0: run by tests as a program, never linked and never shipped.
		{Name: "loki", Module: loki, Folder: folderLoki, Package: loki + "/cmd/loki"},
		// What a rollback goes to.
		{Name: "loki-earlier", Module: loki, Folder: folderLoki, Package: loki + "/cmd/loki", Earlier: "v3.7.7"},
		{
			Name: "versitygw", Module: "github.com/versity/versitygw", Folder: folderObjectStore,
			Package: "github.com/versity/versitygw/cmd/versitygw",
		},
		{
			Name: "certmanager", Module: "github.com/cert-manager/cert-manager", Folder: folderCertManager, Package: ".",
			Sources: []string{"."}, Links: []string{"controller", "webhook", "cainjector"},
		},
		{
			Name: "external-dns", Module: "sigs.k8s.io/external-dns", Folder: folderExternalDNS, Package: ".", Sources: []string{"."},
		},
		{
			Name: "prometheus", Module: prometheus, Folder: folderCollectors, Package: prometheus + "/cmd/prometheus", Tags: discovery,
		},
		{
			Name: "blackbox_exporter", Module: "github.com/prometheus/blackbox_exporter", Folder: folderExporters,
			Package: "github.com/prometheus/blackbox_exporter",
		},
		{
			Name: "collector", Module: "go.opentelemetry.io/collector/otelcol", Folder: folderCollectors, Package: "./collector",
			Tags: discovery, Sources: []string{"collector", "statusutil"},
		},
		// Ours.
		{Name: "proxy", Folder: folderProduct, Package: "./proxy/cmd/proxy", Sources: []string{"proxy", "generator/document", "generator/quantity"}},
		{Name: "syncer", Folder: folderProduct, Package: "./syncer/cmd/syncer", Sources: []string{
			"syncer", "proxy", "generator/document", "generator/quantity", "generator/alerting",
		}},
		{
			Name: "opsgen", Folder: folderProduct, Package: "./generator/cmd/opsgen",
			Sources: []string{"generator", "proxy/config", "proxy/token", "syncer/config"},
		},
		{Name: "grafana-standin", Folder: folderParts, Package: "./grafana-standin", Sources: []string{"grafana-standin"}},
		{Name: "autoscaler-standin", Folder: folderParts, Package: "./autoscaler-standin", Sources: []string{"autoscaler-standin"}},
		{Name: "gitserver", Folder: folderParts, Package: "./gitserver", Sources: []string{"gitserver"}},
		{Name: "fetch", Folder: folderParts, Package: "./fetch", Sources: []string{"fetch"}},
		{Name: "pause", Folder: folderParts, Package: "./pause", Sources: []string{"pause"}},
	}
}

// kubernetesVersion sets what the programs say about themselves: without it the API server reports no usable version,
// and kubelet and kubectl refuse to work with it.
func kubernetesVersion(version string) []string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	var flags []string
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags = append(flags, "-X "+pkg+".gitVersion="+version)
		if len(parts) == 3 {
			flags = append(flags, "-X "+pkg+".gitMajor="+parts[0], "-X "+pkg+".gitMinor="+parts[1])
		}
	}
	return flags
}

// requirements maps the modules that a go.mod requires to their versions, after its replacements by other versions.
func requirements(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the pins of programs: %w", err)
	}
	file, err := modfile.Parse(path, data, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the pins of programs: %w", err)
	}
	versions := map[string]string{}
	for _, r := range file.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	for _, r := range file.Replace {
		if _, ok := versions[r.Old.Path]; ok && r.New.Version != "" {
			versions[r.Old.Path] = r.New.Version
		}
	}
	return versions, nil
}
