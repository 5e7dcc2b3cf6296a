package login

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/opsgen/opsgen/proxy/config"
)

const (
	// lookAgain is how often files with keys are read again.
	lookAgain = 5 * time.Second
	// shortestKey is the fewest characters of a session key.
	shortestKey = 32
	// mostKeys bounds the keys that each foreign cookie is tried with.
	mostKeys = 5
	// longestSealed bounds what is decrypted; browsers keep cookies of about 4 KiB.
	longestSealed = 8 << 10
	// longestKeyFile bounds files with keys.
	longestKeyFile = 64 << 10
)

// purpose keeps what was sealed for one thing from being shown for another.
type purpose string

const (
	forSession  purpose = "session"
	forAttempt  purpose = "attempt"
	forFlow     purpose = "flow"
	forHandOver purpose = "hand-over"
)

// errSealed says no more: whoever tampers learns nothing.
var errSealed = errors.New("not sealed by this proxy for this use")

// keyring seals what browsers carry. It reads its file again now and then, so that a changed Secret needs no restart.
type keyring struct {
	file   string
	client string // provider and client: whoever logged in elsewhere has no session here
	now    func() time.Time

	mu     sync.Mutex
	looked time.Time
	text   []byte
	aeads  []cipher.AEAD
}

func newKeyring(c config.Login, now func() time.Time) *keyring {
	return &keyring{file: c.SessionKeyFile, client: c.Issuer + "\x00" + c.ClientID, now: now}
}

// keys are the ciphers, the one that seals first. A file that cannot be read any more leaves the known keys in use.
func (k *keyring) keys() ([]cipher.AEAD, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if k.aeads != nil && now.Sub(k.looked) < lookAgain {
		return k.aeads, nil
	}
	text, err := readBounded(k.file)
	if err == nil && !bytes.Equal(text, k.text) {
		var aeads []cipher.AEAD
		if aeads, err = parseKeys(text); err == nil {
			k.text, k.aeads = text, aeads
		}
	}
	k.looked = now
	if k.aeads == nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return k.aeads, nil
}

// parseKeys makes a cipher of each line. The lines are never a part of a message.
func parseKeys(text []byte) ([]cipher.AEAD, error) {
	var aeads []cipher.AEAD
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if len(line) < shortestKey {
			return nil, fmt.Errorf("session key %d is shorter than %d characters", len(aeads)+1, shortestKey)
		}
		if len(aeads) == mostKeys {
			return nil, fmt.Errorf("there are more than %d session keys", mostKeys)
		}
		key, err := hkdf.Key(sha256.New, []byte(line), nil, "opsgen proxy login 1", 32)
		if err != nil {
			return nil, fmt.Errorf("derive session key: %w", err)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("prepare session key: %w", err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, fmt.Errorf("prepare session key: %w", err)
		}
		aeads = append(aeads, aead)
	}
	if aeads == nil {
		return nil, errors.New("there is no session key")
	}
	return aeads, nil
}

// bound is what a sealed value is valid for. The host is part of it: a cookie that somebody copies from one tenant's
// host to another's is worth nothing there.
func (k *keyring) bound(use purpose, host string) []byte {
	return []byte(string(use) + "\x00" + host + "\x00" + k.client)
}

// seal encrypts a value for one use at one host.
func (k *keyring) seal(use purpose, host string, value any) (string, error) {
	aeads, err := k.keys()
	if err != nil {
		return "", err
	}
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false) // it would make "&" six times as long
	if err := encoder.Encode(value); err != nil {
		return "", fmt.Errorf("encode %s: %w", use, err)
	}
	sealed := aeads[0].Seal(nil, nil, plain.Bytes(), k.bound(use, host)) //nolint:gosec // the cipher makes a random nonce itself
	return base64.RawURLEncoding.EncodeToString(sealed), nil
}

// open decrypts into value what was sealed for that use at that host. The error is errSealed or ErrUnavailable.
func (k *keyring) open(use purpose, host, text string, value any) error {
	aeads, err := k.keys()
	if err != nil {
		return err
	}
	if len(text) > longestSealed {
		return errSealed
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return errSealed
	}
	for _, aead := range aeads {
		if plain, err := aead.Open(nil, nil, sealed, k.bound(use, host)); err == nil {
			if json.Unmarshal(plain, value) != nil {
				return errSealed
			}
			return nil
		}
	}
	return errSealed
}

// readBounded reads a small file.
func readBounded(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, longestKeyFile))
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	return text, nil
}
