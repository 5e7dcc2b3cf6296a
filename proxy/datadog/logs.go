package datadog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// isStreamTag says which tags become labels of a stream: few values each, and what one looks for first. All others are
// structured metadata, which costs no stream.
func isStreamTag(key []byte) bool {
	switch string(key) {
	case "env", "kube_namespace", "kube_cluster_name", "kube_deployment", "container_name":
		return true
	}
	return false
}

// logLine is one log, with what the payload says of it.
type logLine struct {
	line                          []byte
	service, source, host, status []byte
	tags                          []byte // "a:b,c:d"
	at                            time.Time
}

// readLogs reads a log, an array of logs, logs one after the other, or plain text with a log a line.
func (q *request) readLogs(r *http.Request) error {
	into := &streams{index: map[string]int{}}
	query := r.URL.Query()
	var err error
	if strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		err = q.readText(into, query)
	} else {
		err = q.readLogsJSON(into, query)
	}
	if err != nil {
		return err
	}
	return q.flushLines(into)
}

func (q *request) readText(into *streams, query url.Values) error {
	lines := bufio.NewScanner(q.reader)
	lines.Buffer(q.element[:0], maxElement)
	defaults := q.defaults(query)
	for lines.Scan() {
		log := defaults
		log.line = lines.Bytes()
		if err := q.takeLog(into, log); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return errTooLarge
	}
	return lines.Err()
}

func (q *request) readLogsJSON(into *streams, query url.Values) error {
	first, err := firstByte(q.reader)
	if err != nil || first == 0 {
		return err
	}
	e := newElements(q.reader, maxElement)
	defaults := q.defaults(query)
	var raw json.RawMessage // its bytes are used again for each log
	read := func() error {
		if err := e.next(&raw); err != nil {
			return err
		}
		log := defaults
		if err := log.decode(raw); err != nil {
			return err
		}
		return q.takeLog(into, log)
	}
	if first == '[' {
		return e.each(read)
	}
	for {
		if err := read(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// defaults are what the query says of all logs.
func (q *request) defaults(query url.Values) logLine {
	return logLine{
		service: []byte(query.Get("service")), source: []byte(query.Get("ddsource")), host: []byte(query.Get("hostname")),
		// Without room, so that a log that appends its own tags gets a copy.
		tags: slices.Clip([]byte(query.Get("ddtags"))), at: q.now,
	}
}

// decode reads a log's JSON. A log of message and what Datadog reserves has the message as its line; one with other
// attributes stays JSON as it is, so that "| json" finds them.
func (l *logLine) decode(raw []byte) error {
	attributes := false
	err := members(raw, func(name, value []byte) {
		switch string(name) {
		case "message":
			l.line = text(value)
		case "ddtags":
			l.addTags(text(value))
		case "ddsource":
			l.source = orText(value, l.source)
		case "service":
			l.service = orText(value, l.service)
		case "hostname":
			l.host = orText(value, l.host)
		case "status":
			l.status = bytes.ToLower(text(value))
		case "timestamp":
			l.time(value)
		default:
			attributes = true
		}
	})
	if err != nil {
		return err
	}
	if attributes {
		l.line = raw
	}
	return nil
}

func (l *logLine) addTags(more []byte) {
	if len(l.tags) == 0 {
		l.tags = more
		return
	}
	l.tags = slices.Concat(l.tags, []byte{','}, more)
}

// text is a JSON string's content, nothing for null, and anything else as it is written. It may be a part of value.
func text(value []byte) []byte {
	if string(value) == "null" {
		return nil
	}
	if len(value) < 2 || value[0] != '"' {
		return value
	}
	if inner := value[1 : len(value)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var content string
	if unmarshal(value, &content) != nil {
		return value
	}
	return []byte(content)
}

func orText(value, other []byte) []byte {
	if content := text(value); len(content) > 0 {
		return content
	}
	return other
}

// time reads milliseconds since 1970 or RFC 3339; anything else leaves the time of arrival.
func (l *logLine) time(value []byte) {
	content := string(text(value))
	if milliseconds, err := strconv.ParseInt(content, 10, 64); err == nil {
		if milliseconds > 0 && milliseconds <= maxSeconds*1000 {
			l.at = time.UnixMilli(milliseconds)
		}
		return
	}
	if at, err := time.Parse(time.RFC3339Nano, content); err == nil && at.Unix() > 0 && at.Unix() <= maxSeconds {
		l.at = at
		return
	}
	milliseconds, err := strconv.ParseFloat(content, 64)
	if err == nil && milliseconds > 0 && milliseconds <= maxSeconds*1000 {
		whole := math.Floor(milliseconds)
		l.at = time.UnixMilli(int64(whole))
	}
}

// takeLog adds a log to its stream. An empty one (agents send {} to see whether there is a way) adds nothing.
func (q *request) takeLog(into *streams, log logLine) error {
	if len(log.line) == 0 {
		return nil
	}
	labels, extra := &q.labels, &q.extra
	labels.reset()
	extra.reset()
	labels.pair("service", log.service)
	labels.pair("source", log.source)
	labels.pair("host", log.host)
	labels.pair("status", log.status)
	for tag := range bytes.SplitSeq(log.tags, []byte{','}) {
		tag = bytes.TrimSpace(tag)
		key, _, _ := bytes.Cut(tag, []byte{':'})
		switch {
		case len(tag) == 0:
		case isStreamTag(key):
			labels.tag(tag)
		default:
			extra.tag(tag)
		}
	}
	// What would make too many streams is kept with the line.
	q.finish(labels, q.state.logs, func(name, value []byte) { extra.pair(string(name), value) })
	extra.finish(func(_, _ []byte) bool { return true })
	if len(labels.list) == 0 {
		labels.set("source", []byte("datadog")) // Loki takes no stream without a label
	}
	return q.addLine(into, log.at, bytes.ToValidUTF8(log.line, []byte("\uFFFD")))
}

// appendQuoted appends a label's value in quotes.
func appendQuoted(dst, value []byte) []byte { return strconv.AppendQuote(dst, string(value)) }
