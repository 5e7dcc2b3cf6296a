package datadog

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// The bounds of labels. Cortex refuses a whole series that passes its own (40 labels, 2048 bytes a value as the bases
// set and leave them), so these are lower: a tag is lost, not the sample.
const (
	maxLabels     = 36 // the name and quantile come on top
	maxNameBytes  = 200
	maxValueBytes = 1024
)

// label is a name and a value inside of a labelSet's arena.
type label struct {
	name, value [2]int
	own         bool
}

// labelSet collects the labels of one series without an allocation each. Names are legal and unique and sorted after
// finish.
type labelSet struct {
	arena   []byte
	list    []label
	dropped int
}

func (l *labelSet) reset() {
	l.arena, l.list, l.dropped = l.arena[:0], l.list[:0], 0
}

func (l *labelSet) name(i int) []byte  { return l.arena[l.list[i].name[0]:l.list[i].name[1]] }
func (l *labelSet) value(i int) []byte { return l.arena[l.list[i].value[0]:l.list[i].value[1]] }

// set adds a label of the proxy's own, before any tag. An empty value adds nothing.
func (l *labelSet) set(name string, value []byte) {
	if len(value) == 0 {
		return
	}
	start := len(l.arena)
	l.arena = append(l.arena, name...)
	end := len(l.arena)
	l.arena = appendValue(l.arena, value)
	if len(l.arena) == end {
		l.arena = l.arena[:start]
		return
	}
	l.list = append(l.list, label{name: [2]int{start, end}, value: [2]int{end, len(l.arena)}, own: true})
}

// tag adds a tag, "key:value" or "key", which means key="true". A key that is one of the proxy's own labels of this
// series, or "quantile", becomes exported_key, as Prometheus does it.
func (l *labelSet) tag(tag []byte) {
	key, value, found := bytes.Cut(tag, []byte{':'})
	if !found {
		value = []byte("true")
	}
	if len(key) == 0 || len(value) == 0 {
		return
	}
	start := len(l.arena)
	l.arena = appendLabelName(l.arena, key)
	end := len(l.arena)
	taken := string(l.arena[start:end]) == "quantile"
	var same []byte
	for i := range l.list {
		if l.list[i].own && bytes.Equal(l.name(i), l.arena[start:end]) {
			taken, same = true, l.value(i)
		}
	}
	if taken {
		if bytes.Equal(same, value) {
			l.arena = l.arena[:start]
			return
		}
		l.arena = append(l.arena[:start], "exported_"...)
		l.arena = appendLabelName(l.arena, key)
		end = len(l.arena)
	}
	l.arena = appendValue(l.arena, value)
	if len(l.arena) == end {
		l.arena = l.arena[:start]
		return
	}
	l.list = append(l.list, label{name: [2]int{start, end}, value: [2]int{end, len(l.arena)}})
}

// pair adds a label that is bounded and joined like a tag, but has a legal name already.
func (l *labelSet) pair(name string, value []byte) {
	before := len(l.list)
	if l.set(name, value); len(l.list) > before {
		l.list[before].own = false
	}
}

// finish sorts the labels by name, joins the values of a key that came several times (sorted, each once, with commas),
// and keeps the bounds. allow says whether a tag may have that value.
func (l *labelSet) finish(allow func(name, value []byte) bool) {
	slices.SortFunc(l.list, func(a, b label) int {
		if order := bytes.Compare(l.arena[a.name[0]:a.name[1]], l.arena[b.name[0]:b.name[1]]); order != 0 {
			return order
		}
		return bytes.Compare(l.arena[a.value[0]:a.value[1]], l.arena[b.value[0]:b.value[1]])
	})
	own := 0
	for i := range l.list {
		if l.list[i].own {
			own++
		}
	}
	kept, tags := 0, 0
	for i := 0; i < len(l.list); {
		next := i + 1
		for next < len(l.list) && bytes.Equal(l.name(next), l.name(i)) {
			next++
		}
		joined := l.join(i, next)
		i = next
		if !joined.own {
			if own+tags >= maxLabels {
				l.dropped++
				continue
			}
			if !allow(l.arena[joined.name[0]:joined.name[1]], l.arena[joined.value[0]:joined.value[1]]) {
				continue
			}
			tags++
		}
		l.list[kept] = joined
		kept++
	}
	l.list = l.list[:kept]
}

// join makes one label of those from i to end, which have one name.
func (l *labelSet) join(i, end int) label {
	joined := l.list[i]
	if end == i+1 {
		return joined
	}
	start := len(l.arena)
	for at := i; at < end; at++ {
		if at > i && bytes.Equal(l.value(at), l.value(at-1)) {
			continue
		}
		if at > i {
			l.arena = append(l.arena, ',')
		}
		l.arena = append(l.arena, l.value(at)...)
	}
	l.arena = l.arena[:start+len(truncated(l.arena[start:]))]
	joined.value = [2]int{start, len(l.arena)}
	return joined
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// appendLabelName makes a legal label name: other characters become _, a leading digit gets one in front, and leading
// underscores become one, as names with two are Prometheus' own.
func appendLabelName(dst, key []byte) []byte {
	start := len(dst)
	for len(key) > 1 && !isLetterOrDigit(key[0]) && !isLetterOrDigit(key[1]) {
		key = key[1:]
	}
	if isDigit(key[0]) {
		dst = append(dst, '_')
	}
	for _, c := range key {
		if len(dst)-start >= maxNameBytes {
			break
		}
		if !isLetter(c) && !isDigit(c) {
			c = '_'
		}
		dst = append(dst, c)
	}
	return dst
}

func isLetterOrDigit(c byte) bool { return c != '_' && isLetter(c) || isDigit(c) }

// appendMetricName makes a legal metric name the same way. Colons become _ too: in Prometheus they mark recording rules.
func appendMetricName(dst, metric []byte) []byte {
	if len(metric) == 0 {
		return dst
	}
	return appendLabelName(dst, metric)
}

// appendValue makes a value valid UTF-8 of at most maxValueBytes.
func appendValue(dst, value []byte) []byte {
	value = truncated(value)
	if utf8.Valid(value) {
		return append(dst, value...)
	}
	return append(dst, bytes.ToValidUTF8(value, []byte("\uFFFD"))...)
}

// truncated cuts a value at the end of a character.
func truncated(value []byte) []byte {
	if len(value) <= maxValueBytes {
		return value
	}
	end := maxValueBytes
	for end > maxValueBytes-utf8.UTFMax && !utf8.RuneStart(value[end]) {
		end--
	}
	return value[:end]
}
