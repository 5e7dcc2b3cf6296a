package datadog

import "math"

// The bits of an entry of the column of flags (intake_v3.proto, pointFlags): which of a histogram's values are there.
const (
	hasMin   = 1
	hasMax   = 2
	hasSum   = 4
	allFlags = hasMin | hasMax | hasSum
)

// maxBuckets bounds the buckets of a point. OpenTelemetry's histograms have 15 or 160 unless told otherwise.
const maxBuckets = 4096

// bucket is how many values lie between two bounds, which may be infinite.
type bucket struct{ low, high, count float64 }

// histograms reads a series of OpenTelemetry's histograms as distributions: what was observed since the point before.
func (c *columns) histograms(s *sketch, kind uint64) error {
	s.distributions, s.other = s.distributions[:0], 0
	for range c.all[colNumPoints].varint() {
		if len(s.distributions) == maxSamples {
			return errTooLarge
		}
		d, err := c.histogram(kind)
		if err != nil {
			return err
		}
		for _, number := range []int{colFlags, colUint64, colSint64, colNumBins, colBinCounts} {
			if c.all[number].short {
				return c.format("there is less in a column than its histograms need")
			}
		}
		s.distributions = append(s.distributions, d)
	}
	if c.all[colNumPoints].short {
		return c.format("there are fewer numbers of points than series")
	}
	return nil
}

// histogram reads a point. The order is that of the format: of each column its own.
func (c *columns) histogram(kind uint64) (d distribution, err error) {
	d = distribution{histogram: true, sum: math.NaN(), min: math.NaN(), max: math.NaN()}
	if d.at, err = c.at(); err != nil {
		return d, err
	}
	flags := c.all[colFlags].varint()
	if flags&^allFlags != 0 {
		return d, c.format("a flag of a histogram is not known")
	}
	var powers exponential
	if kind&typeMask == typeExponential {
		powers.scale, powers.positive, powers.negative = c.all[colSint64].signed(), c.all[colSint64].signed(), c.all[colSint64].signed()
	}
	d.count = int64(min(c.all[colUint64].varint(), math.MaxInt64)) //nolint:gosec // bounded
	if kind&typeMask == typeExponential {
		powers.zeros = float64(c.all[colUint64].varint())
	}
	for _, value := range []struct {
		flag uint64
		into *float64
	}{{hasSum, &d.sum}, {hasMin, &d.min}, {hasMax, &d.max}} {
		if flags&value.flag == 0 {
			continue
		}
		if *value.into, err = c.value(kind); err != nil {
			return d, err
		}
	}
	d.avg = d.sum / float64(d.count)
	c.buckets = c.buckets[:0]
	if kind&typeMask == typeExponential {
		err = c.exponentialBuckets(kind, powers)
	} else {
		err = c.explicitBuckets(kind)
	}
	for i, quantile := range quantiles() {
		d.ranks[i] = rankIn(c.buckets, quantile.rank, d.min, d.max)
	}
	return d, err
}

// explicitBuckets reads the bounds, one less than there are buckets, and the counts.
func (c *columns) explicitBuckets(kind uint64) error {
	n, err := c.bucketCount()
	if err != nil {
		return err
	}
	low := math.Inf(-1)
	for i := range n {
		high := math.Inf(1)
		if i < n-1 {
			if high, err = c.value(kind); err != nil {
				return err
			}
			if !(high > low) {
				return c.format("the bounds of a histogram do not rise")
			}
		}
		c.buckets = append(c.buckets, bucket{low, high, float64(c.all[colBinCounts].varint())})
		low = high
	}
	return nil
}

// exponential is what says where the buckets of an exponential histogram lie: base 2^(2^-scale), the index of the first
// one on each side, and how many values are too small for any.
type exponential struct {
	scale, positive, negative int64
	zeros                     float64
}

// bound is the base to the power of an index.
func (e exponential) bound(index float64) float64 {
	return math.Exp2(math.Ldexp(index, int(-max(min(e.scale, 1100), -1100))))
}

// exponentialBuckets reads the counts of the positive values, and then those of the negative ones, whose buckets lie the
// other way round.
func (c *columns) exponentialBuckets(kind uint64, e exponential) error {
	threshold, err := c.value(kind)
	if err != nil {
		return err
	}
	if !(threshold >= 0) {
		return c.format("the zero threshold of a histogram is negative")
	}
	var counts [2]int
	for i := range counts {
		if counts[i], err = c.bucketCount(); err != nil {
			return err
		}
	}
	all := make([]bucket, counts[1]+1+counts[0])
	all[counts[1]] = bucket{0 - threshold, threshold, e.zeros}
	for i := range counts[0] {
		at := float64(e.positive) + float64(i)
		all[counts[1]+1+i] = bucket{e.bound(at), e.bound(at + 1), float64(c.all[colBinCounts].varint())}
	}
	for i := range counts[1] {
		at := float64(e.negative) + float64(i)
		all[counts[1]-1-i] = bucket{-e.bound(at + 1), -e.bound(at), float64(c.all[colBinCounts].varint())}
	}
	c.buckets = all
	return nil
}

func (c *columns) bucketCount() (int, error) {
	n := c.all[colNumBins].varint()
	if n > maxBuckets {
		return 0, errTooLarge
	}
	return int(n), nil //nolint:gosec // bounded
}

// rankIn is the value of the rank q, from 0 to 1, as if values were spread evenly over their bucket; NaN where nothing is
// known of it. least and most are the smallest and the largest value, NaN when they were not sent.
func rankIn(buckets []bucket, q, least, most float64) float64 {
	var total float64
	for _, b := range buckets {
		total += b.count
	}
	rank := q * total
	for _, b := range buckets {
		if b.count == 0 || rank > b.count {
			rank -= b.count
			continue
		}
		// An edge that is infinite, or beyond what was observed, is where the observed values end.
		low, high := b.low, b.high
		if !math.IsNaN(least) {
			low = max(low, min(least, high))
		}
		if !math.IsNaN(most) {
			high = min(high, max(most, low))
		}
		switch {
		case math.IsInf(low, -1) && math.IsInf(high, 1):
			return math.NaN()
		case math.IsInf(low, -1):
			return high
		case math.IsInf(high, 1):
			return low
		}
		return low + (high-low)*rank/b.count
	}
	return math.NaN()
}
