package token_test

import (
	"testing"

	"github.com/opsgen/opsgen/proxy/token"
)

// BenchmarkVerify is what a token costs that is not in the proxy's cache.
func BenchmarkVerify(b *testing.B) {
	keys := newSigners(b)
	v := verifier(b, keys)
	for kid, signer := range keys {
		raw, err := token.Sign(signer, kid, good())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kid, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
