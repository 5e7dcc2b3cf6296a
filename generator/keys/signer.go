package keys

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// CommandSigner signs with a key that never leaves a KMS or a hardware token: a command of the user's gets on its
// standard input what is to be signed, and answers on its standard output with the signature, raw or in base64. For
// Ed25519 that is the message itself; for EC on P-256 and RSA its SHA-256, to be signed as a digest (the signature of EC
// in ASN.1, of RSA with PKCS #1 v1.5).
type CommandSigner struct {
	ctx     context.Context
	command string
	public  crypto.PublicKey
}

// NewCommandSigner makes a signer of a command line, which a shell runs, and of the public key that belongs to it.
func NewCommandSigner(ctx context.Context, command string, public crypto.PublicKey) *CommandSigner {
	return &CommandSigner{ctx: ctx, command: command, public: public}
}

// Public is the public key that the signer was made with.
func (s *CommandSigner) Public() crypto.PublicKey { return s.public }

// maxSignature bounds what is read: a signature of RSA with 8192 bits has 1024 bytes.
const maxSignature = 8 << 10

// Sign runs the command. The random source is not used.
func (s *CommandSigner) Sign(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	var out, problem bytes.Buffer
	command := exec.CommandContext(s.ctx, "/bin/sh", "-c", s.command)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(message), &out, &problem
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("the signer's command failed: %w: %s", err, strings.TrimSpace(problem.String()))
	}
	if out.Len() == 0 || out.Len() > maxSignature {
		return nil, errors.New("the signer's command answered no signature")
	}
	if decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(out.String())); err == nil {
		return decoded, nil
	}
	return out.Bytes(), nil
}
