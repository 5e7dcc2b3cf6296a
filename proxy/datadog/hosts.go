package datadog

import (
	"sync"
	"time"
)

// The bounds of host tags, for each tenant.
const (
	maxHosts         = 10000
	maxTagsOfHost    = 100
	maxHostTagsBytes = 16 << 20
)

// hostTags are the tags that agents sent for their hosts, until they are stale.
type hostTags struct {
	mutex sync.RWMutex
	hosts map[string]tagsOfHost
	bytes int
}

type tagsOfHost struct {
	tags  [][]byte
	bytes int
	at    time.Time
}

// put replaces a host's tags. It is false when there is no room.
func (h *hostTags) put(host string, tags [][]byte, now time.Time, kept time.Duration) bool {
	entry := tagsOfHost{at: now, bytes: len(host)}
	for _, tag := range tags[:min(len(tags), maxTagsOfHost)] {
		tag = truncated(tag)
		entry.tags = append(entry.tags, append([]byte(nil), tag...))
		entry.bytes += len(tag) + 24
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.hosts == nil {
		h.hosts = map[string]tagsOfHost{}
	}
	h.remove(host)
	if len(h.hosts) >= maxHosts || h.bytes+entry.bytes > maxHostTagsBytes {
		for name, old := range h.hosts {
			if now.Sub(old.at) > kept {
				h.remove(name)
			}
		}
	}
	if len(h.hosts) >= maxHosts || h.bytes+entry.bytes > maxHostTagsBytes {
		return false
	}
	h.hosts[host] = entry
	h.bytes += entry.bytes
	return true
}

func (h *hostTags) remove(host string) {
	if old, known := h.hosts[host]; known {
		h.bytes -= old.bytes
		delete(h.hosts, host)
	}
}

// of is what is known of a host. Its bytes are never changed.
func (h *hostTags) of(host []byte, now time.Time, kept time.Duration) [][]byte {
	h.mutex.RLock()
	defer h.mutex.RUnlock()
	entry, known := h.hosts[string(host)]
	if !known || now.Sub(entry.at) > kept {
		return nil
	}
	return entry.tags
}
