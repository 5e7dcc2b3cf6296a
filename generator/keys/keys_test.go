package keys_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/opsgen/opsgen/generator/keys"
	"github.com/opsgen/opsgen/proxy/config"
	"github.com/opsgen/opsgen/proxy/token"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, root string) *keys.Folder {
	t.Helper()
	folder, err := keys.Open(root, "prod")
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestKeysOfEveryKindKeepTheirPlace adds, reads again and removes: each file is what the proxy accepts.
func TestKeysOfEveryKindKeepTheirPlace(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	folder := open(t, root)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(outside, "new", "ed.pem")
	ed, err := keys.Generate(root, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{folder.Add("2026-11", ed, now), folder.Add("ec", ec.Public(), now), folder.Add("rsa", large.Public(), time.Time{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := folder.Add("ec", ec.Public(), now); err == nil {
		t.Error("two keys got one name")
	}
	again := open(t, root)
	if got := again.Set.Keys(); len(got) != 3 || got[1].Algorithm != config.ES256 || got[2].Algorithm != config.RS256 || !got[0].Created.Equal(now) {
		t.Errorf("got %+v", got)
	}
	if id := again.NewID(now); id != "2026-11-2" {
		t.Errorf("the second key of the month is %q", id)
	}
	signer, err := keys.ReadPrivate(file)
	if err != nil {
		t.Fatal(err)
	}
	if key, _ := again.Set.Find("2026-11"); !reflect.DeepEqual(key.Public, signer.Public()) {
		t.Error("the private key is not that of the public one")
	}
	if err := again.Remove("ec"); err != nil {
		t.Fatal(err)
	}
	if _, there := open(t, root).Set.Find("ec"); there {
		t.Error("the key is still there")
	}
}

// TestWhatPeopleWroteStays revokes in a file that somebody has written by hand.
func TestWhatPeopleWroteStays(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "clusters/prod/keys/revocations.yaml")
	write(t, file, "# Ask sre before you remove anything.\ntokens: [{id: a, reason: leaked}] # ticket 7\nkeys:\n")
	folder := open(t, root)
	if err := folder.RevokeToken(token.RevokedToken{ID: "a", Reason: "x"}); !errors.Is(err, keys.ErrRevoked) {
		t.Errorf("revoked twice: %v", err)
	}
	for _, err := range []error{
		folder.RevokeToken(token.RevokedToken{ID: "0123", Reason: "yes", Until: &now}),
		folder.RevokeKey(token.RevokedKey{ID: "k", Reason: "a: # b"}),
		folder.RevokeBefore(token.IssuedBefore{Time: now, Tenant: "payments", Reason: "stolen"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Ask sre before", "# ticket 7", "reason: leaked"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is gone from\n%s", want, text)
		}
	}
	list := open(t, root).Revocations.List()
	if len(list.Tokens) != 2 || list.Tokens[1].ID != "0123" || list.Tokens[1].Reason != "yes" || !list.Tokens[1].Until.Equal(now) ||
		list.Keys[0].Reason != "a: # b" || list.IssuedBefore[0].Tenant != "payments" {
		t.Errorf("read again it is %+v\n%s", list, text)
	}
	if err := folder.RevokeToken(token.RevokedToken{ID: "a\nb", Reason: "x"}); err == nil {
		t.Error("an ID that no token can have was revoked")
	}
}

// TestPrivateKeysStayPrivate: where a key must not be written, and which files are not taken for one.
func TestPrivateKeysStayPrivate(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(root, filepath.Join(outside, "link")); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(root, "a.pem"), filepath.Join(root, "new/folder/a.pem"), filepath.Join(outside, "link/a.pem")} {
		if _, err := keys.Generate(root, file); err == nil || !strings.Contains(err.Error(), "lies in the repository") {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, kid := range []string{"../a", "a/b", "..", "", "/a"} {
		if file, err := keys.PrivateFile("prod", kid); err == nil {
			t.Errorf("key %q is kept in %s", kid, file)
		}
	}
	file := filepath.Join(outside, "a.pem")
	if _, err := keys.Generate(root, file); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Generate(root, file); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("overwritten: %v", err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.ReadPrivate(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that a group can read: %v", err)
	}
	write(t, filepath.Join(outside, "b.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	if _, err := keys.ReadPrivate(filepath.Join(outside, "b.pem")); err == nil {
		t.Error("a broken key was read")
	}
}

// TestLinkOutOfTheRepository must not bring another file into a message, nor be written through.
func TestLinkOutOfTheRepository(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	write(t, filepath.Join(outside, "jwks.json"), `{"keys": []}`)
	if err := os.MkdirAll(filepath.Join(root, "clusters/prod"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(root, "clusters/prod/keys")); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(root, "prod"); err == nil {
		t.Error("a link out of the repository was followed")
	}
}

// TestMain is also the program that TestSignerCommand signs with: it holds the key, and prints the signature.
func TestMain(m *testing.M) {
	file := os.Getenv("TEST_KMS_KEY")
	if file == "" {
		os.Exit(m.Run())
	}
	signer, err := keys.ReadPrivate(file)
	if err != nil {
		log.Fatal(err)
	}
	digest, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	signature, err := signer.Sign(rand.Reader, digest, crypto.SHA256)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(base64.StdEncoding.EncodeToString(signature))
}

// TestSignerCommand signs with a program that holds an EC key, as a KMS would, and checks what comes out.
func TestSignerCommand(t *testing.T) {
	dir := t.TempDir()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(ec.Public())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "kms.pub")
	write(t, file, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	public, err := keys.ReadPublic(file)
	if err != nil {
		t.Fatal(err)
	}
	claims := token.Claims{
		Issuer: "opsgen", Audience: []string{"prod"}, Tenant: "payments", ID: "a", Scopes: []config.Scope{config.MetricsRead},
		IssuedAt: now, NotBefore: now, Expires: now.Add(time.Hour),
	}
	for command, want := range map[string]string{
		"exit 1":                 "the signer's command failed",
		"cat > /dev/null":        "answered no signature",
		"cat":                    "no ECDSA signature in ASN.1",
		"head -c 9999 /dev/zero": "answered no signature",
	} {
		if _, err := token.Sign(keys.NewCommandSigner(context.Background(), command, public), "kms", claims); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", command, err, want)
		}
	}
	private, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "kms.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	t.Setenv("TEST_KMS_KEY", filepath.Join(dir, "kms.pem"))
	raw, err := token.Sign(keys.NewCommandSigner(context.Background(), os.Args[0], public), "kms", claims)
	if err != nil {
		t.Fatal(err)
	}
	folder := open(t, t.TempDir())
	if err := folder.Add("kms", public, now); err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Verifier(func() time.Time { return now }).Verify(raw); err != nil {
		t.Errorf("the token is refused: %v", err)
	}
}
