package identity

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opsgen/opsgen/proxy/token"
)

// cache remembers callers by their tokens. Only tokens that were verified are put in, so that strangers cannot fill it,
// and nothing is ever removed by time: an entry that is over is not handed out, and is the first to be evicted.
//
// Entries are found by a hash with a secret seed, of 64 bits: nobody can make two tokens collide on purpose. Because a
// collision would still let one caller in as another, the whole token is compared. That the comparison takes longer
// for a token with a common prefix tells nothing: it is reached only by a token with the same hash.
type cache struct {
	seed   maphash.Seed
	shards []shard // a power of two
	mask   uint64  // picks a shard
}

// shard is a part of the cache with a lock of its own.
type shard struct {
	lock    sync.RWMutex
	index   map[uint64]int // of entries
	entries []*entry
	most    int
	hand    int // of the clock: the next entry that may be evicted
	_       [64]byte
}

type entry struct {
	hash               uint64
	raw                string
	caller             *Caller
	notBefore, expires int64       // Unix seconds
	used               atomic.Bool // since the hand went by
}

// newCache holds at most about most entries: 0 holds none.
func newCache(most int) *cache {
	c := &cache{seed: maphash.MakeSeed()}
	shards := 1
	for shards < 32 && most/shards >= 64 {
		shards *= 2
		c.mask = c.mask<<1 | 1
	}
	c.shards = make([]shard, shards)
	for i := range c.shards {
		c.shards[i].most = max(most, 0) / shards
		c.shards[i].index = map[uint64]int{}
	}
	return c
}

func (c *cache) find(raw string) (*shard, uint64) {
	hash := maphash.String(c.seed, raw)
	return &c.shards[hash&c.mask], hash
}

// get is the caller of a token that is valid now, or nil.
func (c *cache) get(raw string, now time.Time) *Caller {
	s, hash := c.find(raw)
	s.lock.RLock()
	defer s.lock.RUnlock()
	i, there := s.index[hash]
	if !there {
		return nil
	}
	e := s.entries[i]
	// Without the allowance for clocks that verification makes: at the edges the token is verified anew.
	if at := now.Unix(); e.raw != raw || at >= e.expires || at < e.notBefore {
		return nil
	}
	if !e.used.Load() {
		e.used.Store(true)
	}
	return e.caller
}

// had says that a token is remembered, be it over or not.
func (c *cache) had(raw string) bool {
	if c == nil || len(raw) > token.MaxBytes {
		return false
	}
	s, hash := c.find(raw)
	s.lock.RLock()
	defer s.lock.RUnlock()
	i, there := s.index[hash]
	return there && s.entries[i].raw == raw
}

// put remembers a verified token.
func (c *cache) put(raw string, caller *Caller, notBefore time.Time) {
	s, hash := c.find(raw)
	if s.most == 0 {
		return
	}
	// A copy, because raw may be a part of a much longer text.
	e := &entry{hash: hash, raw: strings.Clone(raw), caller: caller, notBefore: notBefore.Unix(), expires: caller.Expires.Unix()}
	s.lock.Lock()
	defer s.lock.Unlock()
	if i, there := s.index[hash]; there {
		s.entries[i] = e
		return
	}
	if len(s.entries) < s.most {
		s.index[hash] = len(s.entries)
		s.entries = append(s.entries, e)
		return
	}
	i := s.victim()
	delete(s.index, s.entries[i].hash)
	s.index[hash], s.entries[i] = i, e
}

// victim is the next entry that was not used since the hand went by, at the latest after one round.
func (s *shard) victim() int {
	for {
		i := s.hand
		s.hand = (s.hand + 1) % len(s.entries)
		if !s.entries[i].used.Swap(false) {
			return i
		}
	}
}

// size is how many tokens are remembered.
func (c *cache) size() int {
	n := 0
	for i := range c.shards {
		c.shards[i].lock.RLock()
		n += len(c.shards[i].entries)
		c.shards[i].lock.RUnlock()
	}
	return n
}
