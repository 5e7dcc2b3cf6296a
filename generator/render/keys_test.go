package render_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/opsgen/opsgen/generator/document"
	"github.com/opsgen/opsgen/generator/render"
)

// publicKey is the example of RFC 8037, appendix A.2.
const publicKey = `{
  "keys": [
    {
      "kid": "2026-11",
      "alg": "EdDSA",
      "kty": "OKP",
      "crv": "Ed25519",
      "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    }
  ]
}
`

// TestKeysReachTheProxyAndNothingElse adds a key and revokes a token: only the one ConfigMap is rendered, and holds the
// files as they are.
func TestKeysReachTheProxyAndNothingElse(t *testing.T) {
	root, cache := repository(t), t.TempDir()
	run(t, options(root, cache, "example-local"))
	write(t, root, "clusters/example-local/keys/jwks.json", publicKey)
	first := run(t, options(root, cache, "example-local"))
	const file = "clusters/example-local/rendered/config/proxy-keys/configmap-proxy-keys.yaml"
	text := read(t, root, file)
	if !strings.Contains(text, `"kid": "2026-11"`) || strings.Contains(text, "revocations.yaml") {
		t.Errorf("with a key alone the ConfigMap is\n%s", text)
	}
	if got := changed(first); !slices.Contains(got, "example-local new config/proxy-keys/configmap-proxy-keys.yaml") {
		t.Errorf("a first key changes %v", got)
	}
	write(t, root, "clusters/example-local/keys/revocations.yaml", "tokens:\n- {id: a1, reason: left on a laptop}\n")
	second := run(t, options(root, cache, "example-local"))
	if want := []string{"example-local changed config/proxy-keys/configmap-proxy-keys.yaml"}; !slices.Equal(changed(second), want) {
		t.Errorf("a revocation changes %v, want %v", changed(second), want)
	}
	if text := read(t, root, file); !strings.Contains(text, "left on a laptop") {
		t.Errorf("the revocation did not get into\n%s", text)
	}
}

// TestKeysThatTheProxyWouldRefuse are refused here, with their place.
func TestKeysThatTheProxyWouldRefuse(t *testing.T) {
	root := repository(t)
	write(t, root, "clusters/example-local/keys/jwks.json", strings.Replace(publicKey, `"x":`, "\"d\": \"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\n      \"x\":", 1))
	write(t, root, "clusters/example-local/keys/revocations.yaml", "tokens:\n- id: a1\n  raeson: typing error\n")
	_, err := render.Run(context.Background(), options(root, t.TempDir(), "example-local"))
	var problems document.Problems
	if !errors.As(err, &problems) || len(problems) != 2 {
		t.Fatalf("got %v, want two problems", err)
	}
	for _, want := range []string{
		"clusters/example-local/keys/jwks.json:8:12: keys[0].d is a PRIVATE part of the key, and this file is public",
		`clusters/example-local/keys/revocations.yaml:3:3: unknown field "raeson" in tokens[0]; did you mean "reason"?`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
}
