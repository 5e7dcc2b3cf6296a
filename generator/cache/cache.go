package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Store is a folder of entries. A nil store keeps nothing.
type Store struct{ dir string }

// New makes a store in a folder, which is made when the first entry is written.
func New(dir string) *Store { return &Store{dir: dir} }

// Key is the hash of parts. Each part is written with its length, so that no two lists of parts are alike.
type Key struct{ hash hash.Hash }

// NewKey begins a key with a name for the kind of entry.
func NewKey(kind string) *Key {
	k := &Key{hash: sha256.New()}
	return k.Add(kind)
}

// Add adds texts to the key.
func (k *Key) Add(texts ...string) *Key {
	for _, text := range texts {
		fmt.Fprintf(k.hash, "%d:", len(text))
		io.WriteString(k.hash, text) //nolint:errcheck // a hash does not fail
	}
	return k
}

// String is the key in hexadecimal.
func (k *Key) String() string { return hex.EncodeToString(k.hash.Sum(nil)) }

// Get reads an entry into value; false means that there is none. Whole numbers in untyped content are int64, as
// everywhere in Kubernetes objects.
func (s *Store) Get(key string, value any) bool {
	if s == nil {
		return false
	}
	text, err := os.ReadFile(s.file(key))
	if err != nil || len(text) < sumLength || sum(text[sumLength:]) != string(text[:sumLength]) {
		return false
	}
	return utiljson.Unmarshal(text[sumLength:], value) == nil
}

// Has says that there is an entry, without reading it.
func (s *Store) Has(key string) bool {
	if s == nil {
		return false
	}
	_, err := os.Stat(s.file(key))
	return err == nil
}

// Put writes an entry. It appears whole or not at all, also when several runs write at once.
func (s *Store) Put(key string, value any) error {
	if s == nil {
		return nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return unwritable(err)
	}
	file := s.file(key)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return unwritable(err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".new-")
	if err != nil {
		return unwritable(err)
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.WriteString(sum(text) + string(text))
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	if err != nil {
		return unwritable(err)
	}
	return nil
}

// Prune removes entries that were not written for longer than age, and says how many. It looks at no more than one of
// the 256 folders, chosen by the time, so that it costs nothing to call on every run.
func (s *Store) Prune(now time.Time, age time.Duration) int {
	if s == nil {
		return 0
	}
	folder := filepath.Join(s.dir, fmt.Sprintf("%02x", now.UnixNano()/1000%256))
	entries, err := os.ReadDir(folder)
	if err != nil {
		return 0
	}
	removed := 0
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && info.Mode()&fs.ModeType == 0 && now.Sub(info.ModTime()) > age &&
			os.Remove(filepath.Join(folder, entry.Name())) == nil {
			removed++
		}
	}
	return removed
}

func unwritable(err error) error {
	return fmt.Errorf("keep a result in the cache: %w; name another folder with --cache-dir, or do without with --no-cache", err)
}

const sumLength = 2 * sha256.Size

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}

func (s *Store) file(key string) string { return filepath.Join(s.dir, key[:2], key) }
