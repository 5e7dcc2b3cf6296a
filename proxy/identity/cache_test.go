package identity

import (
	"fmt"
	"testing"
	"time"
)

// A collision cannot be made without the seed, so that the index is bent.
func TestACollisionLetsNobodyInAsAnother(t *testing.T) {
	c, now := newCache(10), time.Now()
	c.put("mine", &Caller{Tenant: "mine", Expires: now.Add(time.Hour)}, now)
	shard, hash := c.find("yours")
	shard.index[hash] = 0
	if caller := c.get("yours", now); caller != nil {
		t.Errorf("another token with the same hash is %s", caller.Tenant)
	}
	if caller := c.get("mine", now); caller == nil || caller.Tenant != "mine" {
		t.Errorf("the token itself is %v", caller)
	}
}

func TestWhatIsUsedStays(t *testing.T) {
	c, now := newCache(50), time.Now()
	put := func(raw string) { c.put(raw, &Caller{ID: raw, Expires: now.Add(time.Hour)}, now) }
	put("used")
	for i := range 1000 {
		if c.get("used", now) == nil {
			t.Fatalf("a token in use was forgotten after %d others", i)
		}
		put(fmt.Sprint(i))
	}
	if c.size() != 50 || len(c.shards[0].index) != 50 {
		t.Errorf("%d tokens and %d hashes are remembered, want 50", c.size(), len(c.shards[0].index))
	}
}
