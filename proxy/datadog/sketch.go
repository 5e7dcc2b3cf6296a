package datadog

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// The agent's sketch has bins whose values grow by gamma: key k > 0 holds values around gamma^(k-bias), -k the same with
// a minus, and 0 what is smaller than 1e-9. (datadog-agent, pkg/util/quantile/config.go, main of 2025: eps 1/128, gamma
// 1+2*eps, RoundToEven of the logarithm; so a value is at most the square root of gamma, 0.8 %, from its bin's.)
const (
	gamma       = 1 + 2.0/128
	smallest    = 1e-9
	infiniteKey = math.MaxInt16
)

// quantiles are what becomes a series of its own, with the label value of each.
func quantiles() [4]struct {
	rank float64
	text string
} {
	return [4]struct {
		rank float64
		text string
	}{{0.5, "0.5"}, {0.75, "0.75"}, {0.95, "0.95"}, {0.99, "0.99"}}
}

// bin is how many values a key of a sketch has.
type bin struct {
	key   int32
	count uint32
}

// distribution is what was observed in one interval.
type distribution struct {
	at                 float64 // seconds
	count              int64
	min, max, avg, sum float64
	bins               []bin
	// A histogram has the values of quantiles() in place of bins. What it does not know is NaN.
	histogram bool
	ranks     [4]float64
}

// sketch is a metric with its distributions. Its byte slices belong to the decoder.
type sketch struct {
	series        // without kind and points
	distributions []distribution
	other         int // distributions of the form that agents before version 6 sent
}

// center is the middle of a bin, on the logarithmic scale.
func center(key int32) float64 {
	switch {
	case key == 0:
		return 0
	case key < 0:
		return -center(-key)
	case key >= infiniteKey:
		return math.Inf(1)
	}
	bias := 1 - math.Floor(math.Log(smallest)/math.Log1p(gamma-1))
	return math.Pow(gamma, float64(key)-bias)
}

// quantile is the value of the rank q, from 0 to 1, of the observed values: the middle of its bin, so exact to 0.8 % for
// values above 1e-9. The bins must be sorted. It is false when there are none.
func (d *distribution) quantile(q float64) (float64, bool) {
	var total float64
	for _, b := range d.bins {
		total += float64(b.count)
	}
	if total == 0 {
		return 0, false
	}
	rank, before := math.RoundToEven(q*(total-1)), 0.0
	for _, b := range d.bins {
		n := float64(b.count)
		if rank >= before+n {
			before += n
			continue
		}
		return min(max(center(b.key), d.min), d.max), true
	}
	return d.max, true
}

// decode reads a SketchPayload.Sketch (agent-payload v5, proto/metrics/agent_payload.proto).
func (s *sketch) decode(message []byte) error {
	s.series.reset()
	s.distributions, s.other = s.distributions[:0], 0
	return eachField(message, func(number protowire.Number, value field) error {
		switch number {
		case 1:
			s.metric = value.bytes
		case 2:
			s.host = value.bytes
		case 3:
			s.other++
		case 4:
			s.tags = append(s.tags, value.bytes)
		case 7:
			return s.decodeDogsketch(value.bytes)
		}
		return nil
	})
}

func (s *sketch) decodeDogsketch(message []byte) error {
	// The bins' slice of an earlier sketch is used again.
	var d distribution
	if n := len(s.distributions); n < cap(s.distributions) {
		d.bins = s.distributions[:n+1][n].bins[:0]
	}
	counts := 0
	err := eachField(message, func(number protowire.Number, value field) error {
		switch number {
		case 1:
			d.at = float64(int64(value.number)) //nolint:gosec // the wire format of a negative number
		case 2:
			d.count = int64(value.number) //nolint:gosec // as above
		case 3:
			d.min = math.Float64frombits(value.number)
		case 4:
			d.max = math.Float64frombits(value.number)
		case 5:
			d.avg = math.Float64frombits(value.number)
		case 6:
			d.sum = math.Float64frombits(value.number)
		case 7:
			return value.eachVarint(func(v uint64) {
				d.bins = append(d.bins, bin{key: int32(protowire.DecodeZigZag(v))}) //nolint:gosec // an sint32
			})
		case 8:
			return value.eachVarint(func(v uint64) {
				if counts < len(d.bins) {
					d.bins[counts].count = uint32(v) //nolint:gosec // a uint32
				}
				counts++
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	if counts != len(d.bins) {
		return fmt.Errorf("%w: a sketch has %d keys and %d counts", errFormat, len(d.bins), counts)
	}
	if !slices.IsSortedFunc(d.bins, byKey) {
		slices.SortFunc(d.bins, byKey)
	}
	s.distributions = append(s.distributions, d)
	return nil
}

func byKey(a, b bin) int { return int(a.key) - int(b.key) }

// eachVarint reads a repeated number, packed or not.
func (f field) eachVarint(read func(uint64)) error {
	if f.kind == protowire.VarintType {
		read(f.number)
		return nil
	}
	for rest := f.bytes; len(rest) > 0; {
		value, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			return fmt.Errorf("%w: %w", errFormat, protowire.ParseError(n))
		}
		read(value)
		rest = rest[n:]
	}
	return nil
}
