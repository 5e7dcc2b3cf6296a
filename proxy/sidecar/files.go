package sidecar

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// fresh is for how long a file is not looked at again. A token is renewed when four fifths of its time are over, so that
// the one before is valid for minutes.
const fresh = 10 * time.Second

// cached is what a file holds, read again when it has changed.
type cached[T any] struct {
	path  string
	parse func([]byte) (T, error)
	now   func() time.Time

	mutex    sync.Mutex
	looked   time.Time
	modified time.Time
	size     int64
	value    T
	known    bool
}

// get is the file's newest content that could be read. An error means that there is none at all, not even an older one.
func (c *cached[T]) get() (T, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	now := c.now()
	if c.known && now.Sub(c.looked) < fresh && now.Sub(c.looked) >= 0 {
		return c.value, nil
	}
	c.looked = now
	if err := c.read(); err != nil && !c.known {
		var none T
		return none, err
	}
	return c.value, nil
}

func (c *cached[T]) read() error {
	info, err := os.Stat(c.path)
	if err != nil {
		return err
	}
	if c.known && info.ModTime().Equal(c.modified) && info.Size() == c.size {
		return nil
	}
	data, err := os.ReadFile(c.path)
	if err != nil {
		return err
	}
	value, err := c.parse(data)
	if err != nil {
		return fmt.Errorf("reading %s: %w", c.path, err)
	}
	c.value, c.known, c.modified, c.size = value, true, info.ModTime(), info.Size()
	return nil
}

func parseToken(data []byte) (string, error) {
	text := strings.TrimSpace(string(data))
	if text == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", errors.New("it holds no token")
	}
	return text, nil
}

func parseAuthorities(data []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("it holds no certificate")
	}
	return pool, nil
}
