package datadog

import (
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Version 3 of the intake has one message with a column for each property of all series, and dictionaries for what they
// share (agent-payload v5, proto/metrics/intake_v3.proto). It cannot be read series by series, so that all of it is in
// memory, and a payload is bounded more tightly than in the other versions.
const (
	maxColumnBytes = 8 << 20 // agents send at most 5 MiB (serializer_max_series_uncompressed_payload_size)
	maxEntries     = 200_000 // of one dictionary
)

// The columns that are read, by field number. What this program has no use for (intervals, units, origins) has columns of
// its own, which are passed over.
const (
	dictNames         = 1
	dictTags          = 2
	dictTagsets       = 3
	dictResources     = 4
	dictResourceLen   = 5
	dictResourceTypes = 6
	dictResourceNames = 7
	colTypes          = 10
	colNames          = 11
	colTagsets        = 12
	colResources      = 13
	colNumPoints      = 15
	colTimestamps     = 16
	colSint64         = 17
	colFloat32        = 18
	colFloat64        = 19
	colNumBins        = 20
	colBinKeys        = 21
	colBinCounts      = 22
	colFlags          = 30
	colUint64         = 31
	columnCount       = 32
)

// column is a packed field that is read from its beginning to its end.
type column struct {
	rest  []byte
	sum   int64 // of the differences that were read
	short bool  // more was read than there is
}

func (c *column) varint() uint64 {
	value, n := protowire.ConsumeVarint(c.rest)
	if n < 0 {
		c.rest, c.short = nil, true
		return 0
	}
	c.rest = c.rest[n:]
	return value
}

func (c *column) signed() int64 { return protowire.DecodeZigZag(c.varint()) }

// next is the next value of a column whose values are differences.
func (c *column) next() int64 {
	c.sum += c.signed()
	return c.sum
}

func (c *column) float32() float64 {
	bits, n := protowire.ConsumeFixed32(c.rest)
	if n < 0 {
		c.rest, c.short = nil, true
		return 0
	}
	c.rest = c.rest[n:]
	return float64(math.Float32frombits(bits))
}

func (c *column) float64() float64 {
	bits, n := protowire.ConsumeFixed64(c.rest)
	if n < 0 {
		c.rest, c.short = nil, true
		return 0
	}
	c.rest = c.rest[n:]
	return math.Float64frombits(bits)
}

// list is an entry of a dictionary of lists: how many elements, and where they begin.
type list struct {
	count  int
	at, as []byte
}

// columns is a payload of version 3.
type columns struct {
	all                   [columnCount]column
	names, tags, resource [][]byte
	tagsets, resourcesets []list
	common                series   // the tags and resources of the payload
	buckets               []bucket // of one point
	// left is how many bytes may still come out of the payload. The threat is a small one whose series all name the same
	// large list of tags: it may become no more than what the payload could have been in version 2.
	left int64
}

func (c *columns) format(what string) error { return fmt.Errorf("%w: %s", errFormat, what) }

// decode reads a Payload. bound is how many bytes its series may name in all.
func (c *columns) decode(message []byte, bound int64) error {
	c.left = bound
	err := eachField(message, func(number protowire.Number, value field) error {
		switch number {
		case 2:
			return c.decodeMetadata(value.bytes)
		case 3:
			return eachField(value.bytes, c.column)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, dictionary := range []struct {
		from int
		into *[][]byte
	}{{dictNames, &c.names}, {dictTags, &c.tags}, {dictResources, &c.resource}} {
		if *dictionary.into, err = c.texts(&c.all[dictionary.from]); err != nil {
			return err
		}
	}
	if err := c.lists(&c.tagsets, &c.all[dictTagsets], &c.all[dictTagsets], nil, (*column).signed); err != nil {
		return err
	}
	return c.lists(&c.resourcesets, &c.all[dictResourceLen], &c.all[dictResourceTypes], &c.all[dictResourceNames],
		func(length *column) int64 { return int64(length.varint()) }) //nolint:gosec // lists looks at the sign
}

func (c *columns) decodeMetadata(message []byte) error {
	var resources [][]byte
	err := eachField(message, func(number protowire.Number, value field) error {
		switch number {
		case 1:
			c.common.tags = append(c.common.tags, value.bytes)
		case 2:
			resources = append(resources, value.bytes)
		}
		if len(c.common.tags)+len(resources) > maxEntries {
			return errTooLarge
		}
		return nil
	})
	for pair := range slices.Chunk(resources, 2) {
		if len(pair) == 2 {
			c.common.resource(pair[0], pair[1])
		}
	}
	return err
}

// column keeps a field of MetricData for later. Parts of a field that is there several times follow each other.
func (c *columns) column(number protowire.Number, value field) error {
	if number >= columnCount || number > colBinCounts && number < colFlags {
		return nil
	}
	if value.kind != protowire.BytesType {
		return c.format("a column is not packed")
	}
	if known := &c.all[number]; known.rest == nil {
		known.rest = value.bytes
	} else {
		known.rest = slices.Concat(known.rest, value.bytes)
	}
	return nil
}

// texts reads a dictionary of texts, each with its length before it.
func (c *columns) texts(from *column) ([][]byte, error) {
	var all [][]byte
	for len(from.rest) > 0 {
		text, n := protowire.ConsumeBytes(from.rest)
		if n < 0 {
			return nil, c.format("a dictionary ends in the middle of a text")
		}
		if len(all) == maxEntries {
			return nil, errTooLarge
		}
		from.rest = from.rest[n:]
		all = append(all, text)
	}
	return all, nil
}

// lists reads a dictionary of lists: the lengths, and the elements of which only the places are kept. also is a second
// column of as many elements.
func (c *columns) lists(into *[]list, lengths, elements, also *column, length func(*column) int64) error {
	for len(lengths.rest) > 0 {
		count := length(lengths)
		if count < 0 || count > int64(len(elements.rest)) {
			return c.format("a list is longer than its dictionary")
		}
		if len(*into) == maxEntries {
			return errTooLarge
		}
		entry := list{count: int(count), at: elements.rest}
		if also != nil {
			entry.as = also.rest
		}
		for range count {
			elements.varint()
			if also != nil {
				also.varint()
			}
		}
		if lengths.short || elements.short || also != nil && also.short {
			return c.format("a dictionary of lists ends too early")
		}
		*into = append(*into, entry)
	}
	return nil
}

// text is an entry of a dictionary; references begin with 1, and 0 is the empty text.
func (c *columns) text(dictionary [][]byte, reference int64) ([]byte, error) {
	if reference == 0 {
		return nil, nil
	}
	if reference < 0 || reference > int64(len(dictionary)) {
		return nil, c.format("a reference is outside of its dictionary")
	}
	return dictionary[reference-1], c.spend(len(dictionary[reference-1]))
}

func (c *columns) list(dictionary []list, reference int64) (list, error) {
	if reference == 0 {
		return list{}, nil
	}
	if reference < 0 || reference > int64(len(dictionary)) {
		return list{}, c.format("a reference is outside of its dictionary")
	}
	return dictionary[reference-1], c.spend(dictionary[reference-1].count)
}

func (c *columns) spend(bytes int) error {
	// A field of version 2 costs two bytes more than its content.
	if c.left -= int64(bytes) + 2; c.left < 0 {
		return errTooLarge
	}
	return nil
}
