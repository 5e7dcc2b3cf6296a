package keys

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

// Folder is clusters/<name>/keys/ of one cluster.
type Folder struct {
	// Cluster is the cluster's name.
	Cluster string
	// Set are the public keys; empty, not nil, when there is no file.
	Set *token.KeySet
	// Revocations are what is revoked; empty, not nil, when there is no file.
	Revocations *token.Revocations

	root        string
	revocations []byte
}

// Open reads the folder of a cluster in the repository at root. A folder or file that is not there is an empty one. The
// error is document.Problems for a file that the proxy would refuse.
func Open(root, cluster string) (*Folder, error) {
	f := &Folder{Cluster: cluster, root: root, Set: &token.KeySet{}, Revocations: &token.Revocations{}}
	data, err := f.read(token.KeysFileName)
	if err == nil && data != nil {
		f.Set, err = token.ParseKeySetFile(f.name(token.KeysFileName), data)
	}
	if err != nil {
		return nil, err
	}
	if f.revocations, err = f.read(token.RevocationsFileName); err == nil && f.revocations != nil {
		f.Revocations, err = token.ParseRevocationsFile(f.name(token.RevocationsFileName), f.revocations)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// KeysFile and RevocationsFile are the files' names in the repository, with slashes.
func (f *Folder) KeysFile() string { return f.name(token.KeysFileName) }

// RevocationsFile is the name of revocations.yaml in the repository, with slashes.
func (f *Folder) RevocationsFile() string { return f.name(token.RevocationsFileName) }

func (f *Folder) name(file string) string { return path.Join("clusters", f.Cluster, "keys", file) }

// Verifier checks tokens as the cluster's proxy does.
func (f *Folder) Verifier(now func() time.Time) *token.Verifier {
	c := config.Config{Cluster: f.Cluster}
	c.SetDefaults()
	return &token.Verifier{
		Keys: f.Set, Revocations: f.Revocations, Issuer: c.Tokens.Issuer, Audience: c.Tokens.Audience,
		Algorithms: c.Tokens.Algorithms, ClockSkew: time.Duration(c.Tokens.ClockSkew), Now: now,
	}
}

// Revoked says whether a key is on the list of revocations.
func (f *Folder) Revoked(kid string) bool {
	return slices.ContainsFunc(f.Revocations.List().Keys, func(k token.RevokedKey) bool { return k.ID == kid })
}

// NewID is a name for a key that is made now: year and month, and a number when that is taken, by a revoked key too.
func (f *Folder) NewID(now time.Time) string {
	month := now.Format("2006-01")
	id := month
	for n := 2; f.Taken(id); n++ {
		id = fmt.Sprintf("%s-%d", month, n)
	}
	return id
}

// Taken says whether a key has or had this name. The name of a revoked key is never used again: its successor's tokens
// would be refused.
func (f *Folder) Taken(kid string) bool {
	_, there := f.Set.Find(kid)
	return there || f.Revoked(kid)
}

// Add adds a public key as the newest one, and writes the file.
func (f *Folder) Add(kid string, public crypto.PublicKey, created time.Time) error {
	keys := append(f.Set.Keys(), token.Key{ID: kid, Algorithm: token.AlgorithmOf(public), Public: public, Created: created})
	return f.writeKeys(keys)
}

// Remove removes a public key, and writes the file: tokens that it signed are refused from then on.
func (f *Folder) Remove(kid string) error {
	return f.writeKeys(slices.DeleteFunc(f.Set.Keys(), func(k token.Key) bool { return k.ID == kid }))
}

// written is a public key in the order in which a person reads it.
type written struct {
	ID        string           `json:"kid"`
	Created   string           `json:"created,omitempty"`
	Algorithm config.Algorithm `json:"alg"`
	Use       string           `json:"use"`
	Kind      string           `json:"kty"`
	Curve     string           `json:"crv,omitempty"`
	X         string           `json:"x,omitempty"`
	Y         string           `json:"y,omitempty"`
	N         string           `json:"n,omitempty"`
	E         string           `json:"e,omitempty"`
}

func (f *Folder) writeKeys(keys []token.Key) error {
	list := make([]written, len(keys))
	for i, key := range keys {
		encoded, err := json.Marshal(jose.JSONWebKey{Key: key.Public})
		if err != nil {
			return fmt.Errorf("encode the public key %s: %w", key.ID, err)
		}
		if err := json.Unmarshal(encoded, &list[i]); err != nil {
			return fmt.Errorf("encode the public key %s: %w", key.ID, err)
		}
		list[i].ID, list[i].Algorithm, list[i].Use = key.ID, key.Algorithm, "sig"
		if !key.Created.IsZero() {
			list[i].Created = key.Created.UTC().Format(time.RFC3339)
		}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(map[string][]written{"keys": list}); err != nil {
		return err
	}
	set, err := token.ParseKeySetFile(f.KeysFile(), text.Bytes())
	if err != nil {
		return err
	}
	if err := f.write(token.KeysFileName, text.Bytes()); err != nil {
		return err
	}
	f.Set = set
	return nil
}

// read is the text of a file, nil when it is not there. A link that leads out of the repository is refused.
func (f *Folder) read(file string) ([]byte, error) {
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // it holds nothing that could be lost
	data, err := root.ReadFile(filepath.FromSlash(f.name(file)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// write replaces a file as a whole, so that a stopped program leaves the old one.
func (f *Folder) write(file string, data []byte) error {
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // it holds nothing that could be lost
	name := filepath.FromSlash(f.name(file))
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("%s cannot be written: %w", f.name(file), err)
	}
	next := name + ".new"
	if err := root.WriteFile(next, data, 0o644); err != nil {
		return fmt.Errorf("%s cannot be written: %w", f.name(file), err)
	}
	if err := root.Rename(next, name); err != nil {
		return fmt.Errorf("%s cannot be written: %w", f.name(file), err)
	}
	return nil
}
