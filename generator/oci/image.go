package oci

import (
	"archive/tar"
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is who an image's program runs as, and its group: nobody that a node knows.
const user = "65532:65532"

// authorities is where Go programs look for root certificates on Linux.
const authorities = "/etc/ssl/certs/ca-certificates.crt"

// Spec says what an image is.
type Spec struct {
	Program Program
	// Version is the bundle's, Revision the commit, Source the repository's address. They become labels.
	Version, Revision, Source string
	// Created is the commit's time, never the time of the build.
	Created time.Time
	// Binaries are the compiled programs by platform.
	Binaries map[Platform]string
}

// Index assembles the images of all platforms, in the order of Platforms.
func Index(s Spec) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, platform := range Platforms() {
		file, ok := s.Binaries[platform]
		if !ok {
			return nil, fmt.Errorf("image %s: there is no program for %s", s.Program.Name, platform)
		}
		image, err := assemble(s, platform, file)
		if err != nil {
			return nil, fmt.Errorf("assemble image %s for %s: %w", s.Program.Name, platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: platform.OS, Architecture: platform.Arch}},
		})
	}
	annotated, ok := mutate.Annotations(index, s.labels()).(v1.ImageIndex)
	if !ok {
		return nil, fmt.Errorf("assemble image %s: the index cannot be annotated", s.Program.Name)
	}
	return annotated, nil
}

// labels are the predefined ones of the OCI image specification 1.1.
func (s Spec) labels() map[string]string {
	const prefix = "org.opencontainers.image."
	return map[string]string{
		prefix + "title": s.Program.Name, prefix + "description": s.Program.Title, prefix + "version": s.Version,
		prefix + "revision": s.Revision, prefix + "source": s.Source, prefix + "licenses": "Apache-2.0",
		prefix + "created": s.Created.UTC().Format(time.RFC3339),
	}
}

func assemble(s Spec, platform Platform, file string) (v1.Image, error) {
	program, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	entry := "/" + s.Program.Name
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	// Certificates change seldom and programs always: two layers, of which a node fetches one.
	for _, content := range []struct {
		name string
		mode int64
		data []byte
	}{{authorities, 0o444, rootCertificates()}, {entry, 0o555, program}} {
		layer, err := layerOf(content.name, content.mode, content.data)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, err
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Created = v1.Time{Time: s.Created.UTC()}
	config.OS, config.Architecture = platform.OS, platform.Arch
	config.Config = v1.Config{Entrypoint: []string{entry}, User: user, WorkingDir: "/", Labels: s.labels()}
	config.History = nil
	return mutate.ConfigFile(image, config)
}

// layerOf packs one file and the folders above it, all of root and without a time: nobody in the container may change it.
func layerOf(name string, mode int64, data []byte) (v1.Layer, error) {
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	epoch := time.Unix(0, 0).UTC()
	var folders []string
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		folders = append([]string{dir}, folders...)
	}
	for _, dir := range folders {
		header := &tar.Header{Typeflag: tar.TypeDir, Name: dir[1:] + "/", Mode: 0o755, ModTime: epoch, Format: tar.FormatUSTAR}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name[1:], Mode: mode, Size: int64(len(data)), ModTime: epoch, Format: tar.FormatUSTAR}
	if err := archive.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := archive.Write(data); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	content := b.Bytes()
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer))
}

// rootCertificates are Mozilla's, as PEM. Those that Mozilla trusts only for certificates issued before some day are left out:
// the file cannot say that, and would trust them for everything.
func rootCertificates() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return b.Bytes()
}
