package datadog

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// The bounds of what tags may cost, for each tenant and process. A tag whose values never repeat (a request's ID) would
// otherwise make a new series in Cortex with each payload.
const (
	cardinalityWindow = time.Hour
	maxValuesOfTag    = 10000
	maxValuesOfLabel  = 1000 // of a label of log streams
	maxTags           = 1000
	maxValues         = 200000
	maxNamedTags      = 20
)

// cardinality counts the distinct values of each tag of one tenant within the last window, or up to two. Values that
// were seen stay allowed, so that series that exist go on; new ones above the bound are not.
type cardinality struct {
	perTag int
	seed   maphash.Seed

	mutex             sync.Mutex
	since             time.Time
	current, previous map[uint64]struct{}
	values            map[string]int
	over              []string
}

func newCardinality(perTag int) *cardinality {
	return &cardinality{perTag: perTag, seed: maphash.MakeSeed(), current: map[uint64]struct{}{}, values: map[string]int{}}
}

// allow says whether a tag may have this value. named is true when the tag is over its bound for the first time in
// this window, and one of the few that are named.
func (c *cardinality) allow(now time.Time, name, value []byte) (allowed, named bool) {
	var hash maphash.Hash
	hash.SetSeed(c.seed)
	_, _ = hash.Write(name)
	_ = hash.WriteByte(0)
	_, _ = hash.Write(value)
	sum := hash.Sum64()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if now.Sub(c.since) >= cardinalityWindow {
		c.previous, c.current = c.current, make(map[uint64]struct{}, len(c.current))
		clear(c.values)
		c.since, c.over = now, c.over[:0]
	}
	if _, known := c.current[sum]; known {
		return true, false
	}
	if _, known := c.previous[sum]; known && len(c.current) < 2*maxValues {
		c.count(name)
		c.current[sum] = struct{}{}
		return true, false
	}
	seen, knownTag := c.values[string(name)]
	if seen >= c.perTag || len(c.current) >= maxValues || !knownTag && len(c.values) >= maxTags {
		return false, c.nameOver(name)
	}
	c.count(name)
	c.current[sum] = struct{}{}
	return true, false
}

func (c *cardinality) count(name []byte) {
	if seen, known := c.values[string(name)]; known || len(c.values) < maxTags {
		c.values[string(name)] = seen + 1
	}
}

func (c *cardinality) nameOver(name []byte) bool {
	if len(c.over) >= maxNamedTags || slices.Contains(c.over, string(name)) {
		return false
	}
	c.over = append(c.over, string(name))
	return true
}

// named are the tags that are over their bound in this window, at most maxNamedTags.
func (c *cardinality) named(now time.Time) []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if now.Sub(c.since) >= cardinalityWindow {
		return nil
	}
	return slices.Clone(c.over)
}
