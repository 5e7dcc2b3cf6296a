package image

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Assemble makes the image of a spec: from scratch, one layer, without any time. Layers are kept in the folder cache by
// their digest, and written only when a file of the spec changed.
func Assemble(s Spec, cache string) (v1.Image, error) {
	layer, err := assembleLayer(s, cache)
	if err != nil {
		return nil, fmt.Errorf("assembling image %s: %w", s.Reference, err)
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err = mutate.AppendLayers(image, layer)
	if err != nil {
		return nil, fmt.Errorf("assembling image %s: %w", s.Reference, err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("assembling image %s: %w", s.Reference, err)
	}
	config = config.DeepCopy()
	config.Created = v1.Time{Time: epoch}
	config.OS, config.Architecture = "linux", runtime.GOARCH
	user := s.User
	if user == "" {
		user = nobody
	}
	config.Config = v1.Config{
		Entrypoint: s.Entrypoint,
		Env:        append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, s.Env...),
		User:       user,
		WorkingDir: "/",
	}
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, fmt.Errorf("assembling image %s: %w", s.Reference, err)
	}
	return image, nil
}

// layerFile is a layer in a file, not compressed: it is written once, and read over a wire of this machine.
type layerFile struct {
	Hash   v1.Hash `json:"hash"`
	Length int64   `json:"size"`
	path   string
}

// Digest answers the hash of the file.
func (l *layerFile) Digest() (v1.Hash, error) { return l.Hash, nil }

// DiffID answers the same as Digest, as the layer is not compressed.
func (l *layerFile) DiffID() (v1.Hash, error) { return l.Hash, nil }

// Compressed opens the file, which is sent as it is.
func (l *layerFile) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Uncompressed opens the file.
func (l *layerFile) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Size answers the file's length in bytes.
func (l *layerFile) Size() (int64, error) { return l.Length, nil }

// MediaType says that the layer is a plain tar archive.
func (l *layerFile) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }

func assembleLayer(s Spec, cache string) (*layerFile, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	key, err := layerKey(s)
	if err != nil {
		return nil, err
	}
	index := filepath.Join(cache, "inputs-"+key+".json")
	if layer := readLayer(index, cache); layer != nil {
		return layer, nil
	}
	file, err := os.CreateTemp(cache, ".new-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	hash := sha256.New()
	buffered := bufio.NewWriterSize(io.MultiWriter(file, hash), 1<<20)
	if err := writeLayer(buffered, s); err != nil {
		return nil, err
	}
	if err := buffered.Flush(); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	layer := &layerFile{Hash: v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hash.Sum(nil))}, Length: info.Size()}
	layer.path = filepath.Join(cache, layer.Hash.Hex+".tar")
	if err := os.Rename(file.Name(), layer.path); err != nil {
		return nil, err
	}
	return layer, writeIndex(index, layer)
}

// writeIndex remembers which layer the inputs gave. It appears whole or not at all.
func writeIndex(index string, layer *layerFile) error {
	data, err := json.Marshal(layer)
	if err != nil {
		return err
	}
	made := fmt.Sprintf("%s.%d", index, os.Getpid())
	if err := os.WriteFile(made, data, 0o644); err != nil {
		return err
	}
	return os.Rename(made, index)
}

// readLayer answers the layer of an index file, or nil when it must be written.
func readLayer(index, cache string) *layerFile {
	data, err := os.ReadFile(index)
	if err != nil {
		return nil
	}
	layer := &layerFile{}
	if json.Unmarshal(data, layer) != nil {
		return nil
	}
	layer.path = filepath.Join(cache, layer.Hash.Hex+".tar")
	info, err := os.Stat(layer.path)
	if err != nil || info.Size() != layer.Length {
		return nil
	}
	return layer
}

// layerKey hashes what decides a layer's bytes. Of a source file it takes path, length and time of change: programs lie
// under names that change with their content, and reading them all again at every start would take seconds.
func layerKey(s Spec) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", s.Folders)
	for _, f := range s.Files {
		fmt.Fprintf(hash, "%q %q %o %q %x\n", f.Path, f.Link, f.Mode, f.Source, sha256.Sum256(f.Data))
		if f.Source == "" {
			continue
		}
		info, err := os.Stat(f.Source)
		if err != nil {
			return "", err
		}
		fmt.Fprintln(hash, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(hash.Sum(nil))[:24], nil
}
