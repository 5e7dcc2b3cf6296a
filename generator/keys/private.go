package keys

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// PrivateFile is where a cluster's private key is kept unless told otherwise: outside of every repository, in the user's
// configuration folder.
func PrivateFile(cluster, kid string) (string, error) {
	// The name comes from a file that others write: it must not lead out of the folder.
	if !filepath.IsLocal(kid) || strings.ContainsAny(kid, `/\`) {
		return "", fmt.Errorf("key ID %q cannot be a file's name; name a file with --key", kid)
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder for private keys: %w; name a file with --key", err)
	}
	return filepath.Join(dir, "opsgen", "keys", cluster, kid+".pem"), nil
}

// Generate makes an Ed25519 key and writes it to a file that must not exist and must not lie in the repository at root:
// what lies there is committed some day. The file is PEM (PKCS #8), readable by its owner only.
func Generate(root, file string) (crypto.PublicKey, error) {
	if err := outside(root, file); err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("encode the private key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return nil, fmt.Errorf("the private key cannot be written: %w", err)
	}
	return public, WriteSecret(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// WriteSecret writes a file that must not exist yet, readable by its owner only.
func WriteSecret(file string, data []byte) error {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already, and is not overwritten; name another file, or move it away", file)
	}
	if err != nil {
		return fmt.Errorf("write a secret: %w", err)
	}
	_, err = out.Write(data)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(file))
	}
	return nil
}

// outside refuses a file in the repository, links resolved.
func outside(root, file string) error {
	inside, err := within(root, file)
	if err != nil {
		return fmt.Errorf("where %s lies cannot be told: %w", file, err)
	}
	if inside {
		return fmt.Errorf("%s lies in the repository; a private key there is committed some day. Name a file outside of it with --key", file)
	}
	return nil
}

func within(root, file string) (bool, error) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return false, err
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return false, err
	}
	// The nearest folder that is there decides: the others are made below it.
	folder, rest := filepath.Dir(file), filepath.Base(file)
	for {
		resolved, err := filepath.EvalSymlinks(folder)
		if err == nil {
			file = filepath.Join(resolved, rest)
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			return false, err
		}
		folder, rest = filepath.Dir(folder), filepath.Join(filepath.Base(folder), rest)
	}
	rel, err := filepath.Rel(root, file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)), nil
}

// ReadPrivate reads a private key: PEM with PKCS #8, of a kind that tokens may be signed with. A file that others can
// read is refused.
func ReadPrivate(file string) (crypto.Signer, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("the private key cannot be read: %w", err)
	}
	const others = 0o077
	if runtime.GOOS != "windows" && info.Mode().Perm()&others != 0 {
		return nil, fmt.Errorf("the private key %s can be read by others (%s); run chmod 600 on it, and think about who had it", file, info.Mode().Perm())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the private key cannot be read: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("%s holds no private key in PEM (PKCS #8, \"BEGIN PRIVATE KEY\")", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s holds no private key that can be read", file) // the library's text may quote the key
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s holds a key that cannot sign", file)
	}
	return signer, nil
}

// ReadPublic reads a public key: PEM, "BEGIN PUBLIC KEY", as a KMS gives it.
func ReadPublic(file string) (crypto.PublicKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the public key cannot be read: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, fmt.Errorf("%s holds no public key in PEM (\"BEGIN PUBLIC KEY\")", file)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s holds no public key that can be read: %w", file, err)
	}
	return public, nil
}
