package datadog

import (
	"context"
	"math"

	"github.com/golang/snappy"
	"google.golang.org/protobuf/encoding/protowire"
)

// The bounds of one request to Cortex or Loki: one payload becomes as many as it needs.
const (
	batchBytes   = 1 << 20 // before compression
	batchSamples = 5000
	// maxSamples bounds one payload. Agents send at most 10000 points in one (serializer_max_series_points_per_payload).
	maxSamples = 500000
	// keptBytes is the largest buffer that is kept for the next request.
	keptBytes = 4 << 20
)

// batch is one request to an upstream in the making, and what upstreams said so far.
type batch struct {
	ctx    context.Context
	send   func(ctx context.Context, body []byte) error
	body   []byte // protobuf
	packed []byte // snappy
	item   []byte // one series
	items  int    // samples or lines in the body
	total  int    // of the payload
	labels labelSet
	extra  labelSet
}

// flush sends what was collected.
func (b *batch) flush() error {
	if b.items == 0 {
		return nil
	}
	b.packed = snappy.Encode(b.packed[:cap(b.packed)], b.body)
	err := b.send(b.ctx, b.packed)
	b.body, b.items = b.body[:0], 0
	return err
}

// count notes items that come next, and sends what is there when the request is full.
func (b *batch) count(items int) error {
	b.total += items
	if b.total > maxSamples {
		return errTooLarge
	}
	if b.items > 0 && (b.items+items > batchSamples || len(b.body) >= batchBytes) {
		return b.flush()
	}
	return nil
}

// sample is how one series is named: metric is made legal, suffix appended, quantile is a label unless empty.
type sample struct {
	metric   []byte
	suffix   string
	quantile string
}

// add writes a series (prometheus.TimeSeries of remote write 1.0) with the labels of the batch.
func (b *batch) add(name sample, points []point) error {
	if err := b.count(len(points)); err != nil {
		return err
	}
	item := b.item[:0]
	nameWritten, quantileWritten := false, name.quantile == ""
	for i := 0; i <= len(b.labels.list); i++ {
		last := i == len(b.labels.list)
		if !nameWritten && (last || string(b.labels.name(i)) > "__name__") {
			item, nameWritten = appendName(item, name), true
		}
		if !quantileWritten && (last || string(b.labels.name(i)) > "quantile") {
			item, quantileWritten = appendPair(item, []byte("quantile"), []byte(name.quantile)), true
		}
		if !last {
			item = appendPair(item, b.labels.name(i), b.labels.value(i))
		}
	}
	for _, p := range points {
		size := 9 + 1 + protowire.SizeVarint(uint64(p.at)) //nolint:gosec // times are positive
		item = protowire.AppendTag(item, 2, protowire.BytesType)
		item = protowire.AppendVarint(item, uint64(size)) //nolint:gosec // a length
		item = protowire.AppendTag(item, 1, protowire.Fixed64Type)
		item = protowire.AppendFixed64(item, math.Float64bits(p.value))
		item = protowire.AppendTag(item, 2, protowire.VarintType)
		item = protowire.AppendVarint(item, uint64(p.at)) //nolint:gosec // as above
	}
	b.item = item
	b.body = protowire.AppendTag(b.body, 1, protowire.BytesType)
	b.body = protowire.AppendBytes(b.body, item)
	b.items += len(points)
	return nil
}

// appendPair appends a label as field 1: {name = 1, value = 2}.
func appendPair(dst, name, value []byte) []byte {
	size := 2 + protowire.SizeBytes(len(name)) + protowire.SizeBytes(len(value))
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size)) //nolint:gosec // a length
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendBytes(dst, name)
	dst = protowire.AppendTag(dst, 2, protowire.BytesType)
	return protowire.AppendBytes(dst, value)
}

func appendName(dst []byte, name sample) []byte {
	var room [256]byte
	value := append(appendMetricName(room[:0], name.metric), name.suffix...)
	return appendPair(dst, []byte("__name__"), value)
}
