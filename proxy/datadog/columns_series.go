package datadog

import (
	"io"
	"slices"
)

// The bits of an entry of the column of types (intake_v3.proto, metricType and valueType).
const (
	typeMask   = 0x0f
	typeCount  = 1
	typeRate   = 2
	typeGauge  = 3
	typeSketch = 4
	// The two kinds of histograms are OpenTelemetry's.
	typeExplicit    = 6
	typeExponential = 7

	valueMask    = 0xf0
	valueZero    = 0x00
	valueSint64  = 0x10
	valueFloat32 = 0x20
	valueFloat64 = 0x30
)

// readColumns reads a payload of version 3, of series or of sketches.
func (q *request) readColumns(bound int64) error {
	var err error
	if q.element, err = readAll(q.reader, q.element, maxColumnBytes); err != nil {
		return err
	}
	var c columns
	if err := c.decode(q.element, bound); err != nil {
		return err
	}
	var into sketch
	for types := &c.all[colTypes]; len(types.rest) > 0; {
		kind := types.varint()
		if types.short {
			return c.format("the column of types ends in the middle of a number")
		}
		if err := c.identify(&into.series); err != nil {
			return err
		}
		var read func(*sketch, uint64) error
		switch kind & typeMask {
		case typeSketch:
			read = c.sketches
		case typeExplicit, typeExponential:
			read = c.histograms
		}
		if read != nil {
			if err := read(&into, kind); err != nil {
				return err
			}
			if err := q.takeSketch(&into); err != nil {
				return err
			}
			continue
		}
		if err := c.points(&into.series, kind); err != nil {
			return err
		}
		if err := q.takeSeries(&into.series); err != nil {
			return err
		}
	}
	return nil
}

// readAll reads to the end, at most a number of bytes.
func readAll(r io.Reader, buffer []byte, most int) ([]byte, error) {
	const step = 64 << 10
	buffer = buffer[:0]
	for {
		at := len(buffer)
		buffer = grow(buffer, step)
		n, err := io.ReadFull(r, buffer[at:at+step])
		buffer = buffer[:at+n]
		switch {
		case len(buffer) > most:
			return buffer, errTooLarge
		case err == io.EOF || err == io.ErrUnexpectedEOF: //nolint:errorlint // io.ReadFull's own
			return buffer, nil
		case err != nil:
			return buffer, err
		}
	}
}

// identify reads what names the next series.
func (c *columns) identify(s *series) error {
	s.reset()
	s.host, s.device = c.common.host, c.common.device
	s.tags = append(s.tags, c.common.tags...)
	name, tagset, resources := c.all[colNames].next(), c.all[colTagsets].next(), c.all[colResources].next()
	if c.all[colNames].short || c.all[colTagsets].short || c.all[colResources].short {
		return c.format("there are fewer names, tags or resources than series")
	}
	var err error
	if s.metric, err = c.text(c.names, name); err != nil {
		return err
	}
	set, err := c.list(c.tagsets, tagset)
	if err != nil {
		return err
	}
	tags := column{rest: set.at}
	for range set.count {
		tag, err := c.text(c.tags, tags.next())
		if err != nil {
			return err
		}
		s.tags = append(s.tags, tag)
	}
	if set, err = c.list(c.resourcesets, resources); err != nil {
		return err
	}
	kinds, names := column{rest: set.at}, column{rest: set.as}
	for range set.count {
		kind, err := c.text(c.resource, kinds.next())
		if err != nil {
			return err
		}
		name, err := c.text(c.resource, names.next())
		if err != nil {
			return err
		}
		s.resource(kind, name)
	}
	return c.spend(len(c.common.tags))
}

// value reads the next value of a series.
func (c *columns) value(kind uint64) (float64, error) {
	from, value := 0, 0.0
	switch kind & valueMask {
	case valueZero:
		return 0, nil
	case valueSint64:
		from, value = colSint64, float64(c.all[colSint64].signed())
	case valueFloat32:
		from, value = colFloat32, c.all[colFloat32].float32()
	case valueFloat64:
		from, value = colFloat64, c.all[colFloat64].float64()
	default:
		return 0, c.format("a type of values is not known")
	}
	if c.all[from].short {
		return 0, c.format("there are fewer values than points")
	}
	return value, nil
}

func (c *columns) at() (float64, error) {
	at := c.all[colTimestamps].next()
	if c.all[colTimestamps].short {
		return 0, c.format("there are fewer times than points")
	}
	return float64(at), nil
}

// points reads the points of a series of numbers.
func (c *columns) points(s *series, kind uint64) error {
	switch kind & typeMask {
	case typeCount:
		s.kind = count
	case typeRate:
		s.kind = rate
	case typeGauge:
		s.kind = gauge
	default:
		// Its columns must be read to know where the next series begins.
		return c.format("a type of metrics is not known")
	}
	for range c.all[colNumPoints].varint() {
		at, err := c.at()
		if err != nil {
			return err
		}
		value, err := c.value(kind)
		if err != nil {
			return err
		}
		s.add(at, value)
	}
	if c.all[colNumPoints].short {
		return c.format("there are fewer numbers of points than series")
	}
	return nil
}

// sketches reads the distributions of a series of sketches.
func (c *columns) sketches(s *sketch, kind uint64) error {
	s.distributions, s.other = s.distributions[:0], 0
	for range c.all[colNumPoints].varint() {
		if len(s.distributions) == maxSamples {
			return errTooLarge
		}
		var d distribution
		var err error
		if d.at, err = c.at(); err != nil {
			return err
		}
		for _, into := range []*float64{&d.sum, &d.min, &d.max} {
			if *into, err = c.value(kind); err != nil {
				return err
			}
		}
		d.count = c.all[colSint64].signed()
		if d.count > 0 {
			d.avg = d.sum / float64(d.count)
		}
		keys := column{rest: c.all[colBinKeys].rest}
		for range c.all[colNumBins].varint() {
			key := keys.next()
			n := c.all[colBinCounts].varint()
			if keys.short || c.all[colBinCounts].short {
				return c.format("there are fewer bins than sketches say")
			}
			d.bins = append(d.bins, bin{key: int32(key), count: uint32(min(n, 1<<32-1))}) //nolint:gosec // an sint32; bounded
		}
		c.all[colBinKeys].rest = keys.rest
		if c.all[colSint64].short || c.all[colNumBins].short {
			return c.format("there are fewer counts or bins than sketches")
		}
		if !slices.IsSortedFunc(d.bins, byKey) {
			slices.SortFunc(d.bins, byKey)
		}
		s.distributions = append(s.distributions, d)
	}
	if c.all[colNumPoints].short {
		return c.format("there are fewer numbers of points than series")
	}
	return nil
}
