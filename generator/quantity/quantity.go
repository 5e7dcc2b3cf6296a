package quantity

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Count is a number of things, written as "150k", "5M", "2.5M", "1G" or a plain number.
type Count int64

// Bytes is an amount of data in bytes, written with a decimal ("500GB") or binary unit ("64GiB"), or as a number.
type Bytes int64

// Duration is a span of time, written as whole days, weeks, years or Go durations: "30d", "12h", "90m", "1y".
type Duration time.Duration

var counts = map[string]float64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9}

var byteUnits = map[string]float64{
	"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40, "PiB": 1 << 50,
}

var number = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)$`)

// ParseCount reads a Count.
func ParseCount(text string) (Count, error) {
	n, err := parse(text, counts, `a count such as "150k", "5M" or 20000`)
	return Count(n), err
}

// ParseBytes reads a Bytes.
func ParseBytes(text string) (Bytes, error) {
	n, err := parse(text, byteUnits, `a size such as "500GB", "64MiB" or a number of bytes`)
	return Bytes(n), err
}

func parse(text string, units map[string]float64, want string) (int64, error) {
	m := number.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%q is not %s", text, want)
	}
	factor, ok := units[m[2]]
	if !ok {
		return 0, fmt.Errorf("%q has an unknown unit %q; write %s", text, m[2], want)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil || n*factor > 1<<53 {
		return 0, fmt.Errorf("%q is out of range", text)
	}
	return int64(n * factor), nil
}

var days = regexp.MustCompile(`^([0-9]+)(d|w|y)$`)

var dayUnits = map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour, "y": 365 * 24 * time.Hour}

// ParseDuration reads a Duration.
func ParseDuration(text string) (Duration, error) {
	text = strings.TrimSpace(text)
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.ParseInt(m[1], 10, 64)
		if err != nil || n > 36500 {
			return 0, fmt.Errorf("%q is out of range", text)
		}
		return Duration(time.Duration(n) * dayUnits[m[2]]), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf(`%q is not a duration such as "30d", "12h" or "1y"`, text)
	}
	return Duration(d), nil
}

// String writes the count with the largest unit that loses nothing.
func (c Count) String() string {
	for _, u := range []struct {
		name string
		size int64
	}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if c != 0 && int64(c)%u.size == 0 {
			return strconv.FormatInt(int64(c)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(c), 10)
}

// String writes the size with the largest decimal unit that loses nothing, or else the largest such binary one.
func (b Bytes) String() string {
	for _, u := range []struct {
		name string
		size int64
	}{
		{"TB", 1e12},
		{"GB", 1e9},
		{"MB", 1e6},
		{"kB", 1e3},
		{"TiB", 1 << 40},
		{"GiB", 1 << 30},
		{"MiB", 1 << 20},
		{"KiB", 1 << 10},
	} {
		if b != 0 && int64(b)%u.size == 0 {
			return strconv.FormatInt(int64(b)/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// String writes the duration in days, hours, minutes or seconds: the largest unit that loses nothing. Prometheus,
// Cortex and Loki read the same notation.
func (d Duration) String() string {
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if d != 0 && time.Duration(d)%u.size == 0 {
			return strconv.FormatInt(int64(time.Duration(d)/u.size), 10) + u.name
		}
	}
	return time.Duration(d).String()
}

// Hours is the duration in hours.
func (d Duration) Hours() float64 { return time.Duration(d).Hours() }

// UnmarshalText reads the notation that String writes, and all others that ParseCount accepts.
func (c *Count) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCount(string(text))
	return err
}

// UnmarshalText reads the notation that String writes, and all others that ParseBytes accepts.
func (b *Bytes) UnmarshalText(text []byte) (err error) {
	*b, err = ParseBytes(string(text))
	return err
}

// UnmarshalText reads the notation that String writes, and all others that ParseDuration accepts.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// MarshalJSON writes a plain number, which is what Jsonnet computes with.
func (c Count) MarshalJSON() ([]byte, error) { return json.Marshal(int64(c)) }

// MarshalJSON writes the number of bytes, which is what Jsonnet computes with.
func (b Bytes) MarshalJSON() ([]byte, error) { return json.Marshal(int64(b)) }

// MarshalJSON writes the text of String.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// MarshalYAML writes the text of String.
func (c Count) MarshalYAML() (any, error) { return c.String(), nil }

// MarshalYAML writes the text of String.
func (b Bytes) MarshalYAML() (any, error) { return b.String(), nil }

// MarshalYAML writes the text of String.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }
