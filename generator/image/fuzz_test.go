package image_test

import (
	"testing"

	"github.com/opsgen/opsgen/generator/image"
)

// However a file is written, it is locked so that a second lock changes nothing, or it is refused.
func FuzzApply(f *testing.F) {
	f.Add("images:\n  a:\n    repository: r.io/a\n    tag: v1\n    digest: \"x\" # y\n    digestFrom: >-\n      z\n")
	f.Add("images:\n  a: {repository: r.io/a, tag: v1}\n")
	f.Add("images:\r\n  a:\r\n    tag: v1")
	f.Fuzz(func(t *testing.T, text string) {
		lock := []image.Resolution{{Name: "a", Digest: newDigest}}
		got, err := image.Apply([]byte(text), lock)
		if err != nil {
			return
		}
		again, err := image.Apply(got, lock)
		if err != nil || string(again) != string(got) {
			t.Errorf("a second lock differs: %v\n%q\n%q", err, got, again)
		}
	})
}
