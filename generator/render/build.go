package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// buildID identifies this program's code, so that a result made by another version is never taken from the cache. The
// linker's build ID stands near the beginning of the file on most systems; otherwise the whole file is hashed.
func buildID() (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program's file: %w", err)
	}
	file, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read this program's file: %w", err)
	}
	defer file.Close()
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(file, head)
	if err != nil && n == 0 {
		return "", fmt.Errorf("read this program's file: %w", err)
	}
	if id, ok := linkerID(head[:n]); ok {
		return id, nil
	}
	hash := sha256.New()
	hash.Write(head[:n])
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("read this program's file: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// linkerID finds the build ID as Go's linker writes it (go, cmd/internal/buildid, 1.26).
func linkerID(head []byte) (string, bool) {
	_, rest, found := bytes.Cut(head, []byte("\xff Go build ID: \""))
	if !found {
		return "", false
	}
	id, _, found := bytes.Cut(rest, []byte("\"\n \xff"))
	return string(id), found && len(id) > 0
}
