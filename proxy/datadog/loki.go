package datadog

import (
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// stream is the lines with the same labels (logproto.StreamAdapter of Loki's push format).
type stream struct {
	labels  string
	entries []byte
}

// streams collects a batch of lines.
type streams struct {
	index map[string]int
	list  []stream
	bytes int
	key   []byte
}

// addLine adds a line with the labels and the structured metadata of the batch.
func (q *request) addLine(into *streams, at time.Time, line []byte) error {
	q.total++
	if q.total > maxSamples {
		return errTooLarge
	}
	if q.items > 0 && (q.items >= batchSamples || into.bytes+len(line) > batchBytes) {
		if err := q.flushLines(into); err != nil {
			return err
		}
	}
	into.key = appendSelector(into.key[:0], &q.labels)
	i, known := into.index[string(into.key)]
	if !known {
		i = len(into.list)
		labels := string(into.key)
		into.index[labels] = i
		into.list = append(into.list, stream{labels: labels})
		into.bytes += len(labels)
	}
	entry := protowire.AppendTag(q.item[:0], 1, protowire.BytesType)
	var moment [16]byte
	entry = protowire.AppendBytes(entry, appendTime(moment[:0], at))
	entry = protowire.AppendTag(entry, 2, protowire.BytesType)
	entry = protowire.AppendBytes(entry, line)
	for at := range q.extra.list {
		name, value := q.extra.name(at), q.extra.value(at)
		entry = protowire.AppendTag(entry, 3, protowire.BytesType)
		entry = protowire.AppendVarint(entry, uint64(2+protowire.SizeBytes(len(name))+protowire.SizeBytes(len(value)))) //nolint:gosec // a length
		entry = protowire.AppendTag(entry, 1, protowire.BytesType)
		entry = protowire.AppendBytes(entry, name)
		entry = protowire.AppendTag(entry, 2, protowire.BytesType)
		entry = protowire.AppendBytes(entry, value)
	}
	q.item = entry
	s := &into.list[i]
	s.entries = protowire.AppendTag(s.entries, 2, protowire.BytesType)
	s.entries = protowire.AppendBytes(s.entries, entry)
	into.bytes += len(entry)
	q.items++
	q.kinds["log"]++
	return nil
}

// flushLines sends what was collected.
func (q *request) flushLines(from *streams) error {
	for i := range from.list {
		s := &from.list[i]
		q.body = protowire.AppendTag(q.body, 1, protowire.BytesType)
		q.body = protowire.AppendVarint(q.body, uint64(1+protowire.SizeBytes(len(s.labels))+len(s.entries))) //nolint:gosec // a length
		q.body = protowire.AppendTag(q.body, 1, protowire.BytesType)
		q.body = protowire.AppendString(q.body, s.labels)
		q.body = append(q.body, s.entries...)
	}
	from.list, from.bytes = nil, 0
	clear(from.index)
	return q.flush()
}

// appendTime appends a google.protobuf.Timestamp.
func appendTime(dst []byte, at time.Time) []byte {
	dst = protowire.AppendTag(dst, 1, protowire.VarintType)
	dst = protowire.AppendVarint(dst, uint64(at.Unix())) //nolint:gosec // times are positive
	dst = protowire.AppendTag(dst, 2, protowire.VarintType)
	return protowire.AppendVarint(dst, uint64(at.Nanosecond())) //nolint:gosec // as above
}

// appendSelector appends labels as Loki wants them: {a="b", c="d"}.
func appendSelector(dst []byte, l *labelSet) []byte {
	dst = append(dst, '{')
	for i := range l.list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, l.name(i)...)
		dst = append(dst, '=')
		dst = appendQuoted(dst, l.value(i))
	}
	return append(dst, '}')
}
