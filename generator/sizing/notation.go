package sizing

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// exbibyte bounds memory and volumes, so that absurd capacities stay numbers.
const exbibyte = 1 << 60

// cores writes CPU rounded up: to 50m below one core, to a quarter below four, to a half above.
func cores(n float64) string {
	step := 500.0
	switch {
	case n <= 1:
		step = 50
	case n <= 4:
		step = 250
	}
	milli := int64(max(1, math.Ceil(n*1000/step-1e-9)) * step)
	if milli%1000 == 0 {
		return strconv.FormatInt(milli/1000, 10)
	}
	return strconv.FormatInt(milli, 10) + "m"
}

// memoryBytes rounds memory up: to 64 MiB below 1 GiB, to 256 MiB below 8 GiB, to 1 GiB above.
func memoryBytes(n float64) int64 {
	step := float64(giB)
	switch {
	case n <= giB:
		step = 64 * miB
	case n <= 8*giB:
		step = 256 * miB
	}
	return int64(min(exbibyte, max(1, math.Ceil(n/step-1e-9))*step))
}

// binary writes a whole number of MiB as "Gi" where that loses nothing, else as "Mi".
func binary(n int64) string {
	if n%giB == 0 {
		return strconv.FormatInt(n/giB, 10) + "Gi"
	}
	return strconv.FormatInt(n/miB, 10) + "Mi"
}

// volume writes the size of a volume, rounded up to a ladder of coarse steps (1, 1.5, 2, 3, 5, 7.5 times a power of ten, in
// GiB): a StatefulSet's volume template cannot be changed in place, so it shall change seldom.
func volume(n float64) string {
	need := min(max(n, volumeLeast)/giB, exbibyte/giB)
	for scale := 10.0; ; scale *= 10 {
		for _, step := range []float64{1, 1.5, 2, 3, 5, 7.5} {
			if step*scale >= need-1e-9 {
				return strconv.FormatFloat(step*scale, 'f', -1, 64) + "Gi"
			}
		}
	}
}

// amount writes a number for people in three digits at most: "714k", "5M".
func amount(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if n >= unit.size*0.9995 {
			return digits(n/unit.size) + unit.name
		}
	}
	return digits(n)
}

// size writes bytes for people in decimal units: "225 GB".
func size(n float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e15, "PB"}, {1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if n >= unit.size*0.9995 {
			return digits(n/unit.size) + " " + unit.name
		}
	}
	return digits(n) + " B"
}

func digits(n float64) string {
	precision := 2
	switch {
	case n >= 100:
		precision = 0
	case n >= 10:
		precision = 1
	}
	text := strconv.FormatFloat(n, 'f', precision, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// span writes a duration for people: "30 days", "13 h", "15 s".
func span(d time.Duration) string {
	switch {
	case d >= day && d%day == 0:
		if d == day {
			return "1 day"
		}
		return fmt.Sprintf("%d days", d/day)
	case d >= time.Hour:
		return digits(d.Hours()) + " h"
	case d >= time.Minute:
		return digits(d.Minutes()) + " min"
	}
	return digits(d.Seconds()) + " s"
}
