package quantity_test

import (
	"encoding/json"
	"testing"

	"github.com/opsgen/opsgen/generator/quantity"
)

func TestCountsAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]string{"5M": "5M", "150k": "150k", "2.5M": "2500k", "7": "7", "0": "0", "1G": "1G"} {
		got, err := quantity.ParseCount(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "5 m", "5GB", "1e9", "9999999G", "k"} {
		if got, err := quantity.ParseCount(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestBytesAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]string{"500GB": "500GB", "64MiB": "64MiB", "1.5 GB": "1500MB", "1024": "1KiB", "7": "7B", "1KB": "1kB"} {
		got, err := quantity.ParseBytes(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5G", "5 apples", "GB", "99999999PB"} {
		if got, err := quantity.ParseBytes(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestDurationsAreReadAndWritten(t *testing.T) {
	for text, want := range map[string]string{"30d": "30d", "2w": "14d", "1y": "365d", "24h": "1d", "90m": "90m", "1h30m": "90m", "15s": "15s", "1500ms": "1.5s"} {
		got, err := quantity.ParseDuration(text)
		if err != nil || got.String() != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
		if again, err := quantity.ParseDuration(got.String()); err != nil || again != got {
			t.Errorf("%s: written as %s, read back as %v (%v)", text, got, again, err)
		}
	}
	for _, text := range []string{"", "30", "-1h", "1.5d", "999999d", "d"} {
		if got, err := quantity.ParseDuration(text); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

// TestJSONIsWhatBasesComputeWith fixes the form in which Jsonnet sees quantities.
func TestJSONIsWhatBasesComputeWith(t *testing.T) {
	text, err := json.Marshal(struct {
		C quantity.Count
		B quantity.Bytes
		D quantity.Duration
	}{5e6, 1 << 20, quantity.Duration(36e11)})
	if want := `{"C":5000000,"B":1048576,"D":"1h"}`; err != nil || string(text) != want {
		t.Errorf("got %s (%v), want %s", text, err, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"5M", "1.5GB", "30d", "1h30m", "999999999999999999999k"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := quantity.ParseCount(text); err == nil && c < 0 {
			t.Errorf("%q is a negative count", text)
		}
		if b, err := quantity.ParseBytes(text); err == nil && b < 0 {
			t.Errorf("%q is a negative size", text)
		}
		if d, err := quantity.ParseDuration(text); err == nil && d < 0 {
			t.Errorf("%q is a negative duration", text)
		}
	})
}
