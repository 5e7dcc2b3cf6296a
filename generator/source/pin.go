package source

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/opsgen/opsgen/generator/bundle"
)

// pin is one source of one kind. A package is one file or several in a folder; their names tell what they are and which
// sum they have, so that the same names serve in the cache and in a vendor folder.
type pin interface {
	// label is the package as a person writes it.
	label() string
	// files are the names; the last one completes the package.
	files() []string
	// verify hashes the files anew; place is where they came from, for the error.
	verify(dir, place string) error
	// download writes the files into dir, verified. The note is for the user.
	download(ctx context.Context, dir string, report func(done, total int64)) (note string, err error)
	// open gives the content of verified files.
	open(dir string) (fs.FS, io.Closer, error)
}

// pinOf chooses the kind.
func (s *Store) pinOf(name string, source bundle.Source) (pin, error) {
	given := 0
	for _, place := range []string{source.Module, source.OCI, source.URL} {
		if place != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, fmt.Errorf("source %s: versions.yaml must give exactly one of module, oci and url", name)
	case source.Sum == "":
		return nil, fmt.Errorf("source %s: versions.yaml gives no sum, and nothing is read without one", name)
	case source.Module != "":
		return &modulePin{name: name, source: source, store: s}, nil
	case source.OCI != "":
		return &registryPin{name: name, source: source, store: s}, nil
	default:
		return &archivePin{name: name, source: source, store: s}, nil
	}
}

// shortSum is how many bytes of a sum a file's name shows.
const shortSum = 8

// fileName makes a name such as "github.com_acme_thing@v1.2.3-0123456789abcdef". It is the same on every machine.
func fileName(place, version, sum string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("-._@", r):
			return r
		default:
			return '_'
		}
	}, place+"@"+version)
	digest := []byte(nil)
	if encoded, ok := strings.CutPrefix(sum, "h1:"); ok {
		digest, _ = base64.StdEncoding.DecodeString(encoded)
	} else if encoded, ok := strings.CutPrefix(sum, "sha256:"); ok {
		digest, _ = hex.DecodeString(encoded)
	}
	if len(digest) < shortSum {
		// A malformed sum matches nothing; the name only has to be its own.
		hash := sha256.Sum256([]byte(sum))
		digest = hash[:]
	}
	return fmt.Sprintf("%s-%x", strings.TrimLeft(safe, "."), digest[:shortSum])
}

// digestOf is a file's SHA-256 as "sha256:…".
func digestOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}

// writeTo makes a file and lets fill write it.
func writeTo(dir, name string, fill func(fileSink) error) error {
	file, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if err := fill(fileSink{file}); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
