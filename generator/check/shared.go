package check

import (
	"math"
	"strconv"
	"strings"

	"github.com/opsgen/opsgen/generator/object"
)

// configs calls f for each ConfigMap with a parsed configuration under key.
func (x *Index) configs(f func(u *Unit, o *object.Object, key string, c settings)) {
	for u, o := range objectsOf(x.units) {
		if o.GetKind() != "ConfigMap" || isTeams(o) {
			continue
		}
		for _, key := range []string{cortexKey, lokiKey} {
			content := text(o.Object, "data", key)
			if content == "" {
				continue
			}
			if c, err := parseSettings(content); err == nil {
				c.path = dataPath(key)
				f(u, o, key, c)
			}
		}
	}
}

// sharedLabels finds rings that would merge (C3, L1).
func (x *Index) sharedLabels(r *report) {
	first := map[string]*object.Object{}
	x.configs(func(u *Unit, o *object.Object, _ string, c settings) {
		label, _ := c.get("memberlist", "cluster_label").(string)
		if label == "" {
			return
		}
		if other := first[label]; other != nil {
			r.add(u, o, ruleSharedLabel, c.at("memberlist", "cluster_label"), "Give each its own.",
				"gossips as %s, as %s does: the two rings would merge", label, other.ID())
			return
		}
		first[label] = o
	})
}

// settledSettings compares settings with the pods that they are for.
func (x *Index) settledSettings(r *report) {
	x.configs(func(u *Unit, o *object.Object, key string, c settings) {
		s := subject{r, u, o}
		if key == lokiKey {
			x.replayCeiling(s, c)
		}
		x.cacheItems(s, c)
	})
}

// The share of an ingester's memory limit that Loki may fill while it replays its log.
const (
	leastReplay = 0.5
	mostReplay  = 0.9
)

// replayCeiling keeps an ingester from being killed by its own log at every start (L3).
func (x *Index) replayCeiling(s subject, c settings) {
	limit := int64(math.MaxInt64)
	for _, p := range x.pods(s.object.GetNamespace(), func(map[string]string) bool { return true }) {
		if !p.is("loki", "ingester", "loki") {
			continue
		}
		for c := range p.containers() {
			if value := c.Resources.Limits.Memory().Value(); !c.helper && value > 0 {
				limit = min(limit, value)
			}
		}
	}
	if limit == math.MaxInt64 {
		return // no ingester, or none with a limit, which is reported as such
	}
	keys := []string{"ingester", "wal", "replay_memory_ceiling"}
	written := c.get(keys...)
	if written == nil {
		s.add(ruleReplayCeiling, c.at(keys...), "Write about 70 % of the limit.", "ingester.wal.replay_memory_ceiling is not set; Loki takes 4GB, and its ingesters may use %d MiB", limit/mebibyte)
		return
	}
	ceiling, ok := size(written)
	share := float64(ceiling) / float64(limit)
	if !ok || share < leastReplay || share > mostReplay {
		s.add(ruleReplayCeiling, c.at(keys...), "Write about 70 % of the limit.", "ingester.wal.replay_memory_ceiling %v is not between %.0f and %.0f %% of the ingesters' memory limit, %d MiB",
			written, leastReplay*100, mostReplay*100, limit/mebibyte)
	}
}

// size reads a number of bytes as Cortex, Loki and memcached do: every unit is a power of 1024.
func size(value any) (int64, bool) {
	var digits string
	switch v := value.(type) {
	case float64:
		return int64(v), true
	case int64:
		return v, true
	case string:
		digits = strings.ToLower(strings.TrimSpace(v))
	default:
		return 0, false
	}
	digits = strings.TrimSuffix(strings.TrimSuffix(digits, "b"), "i")
	factor := int64(1)
	if n := len(digits); n > 0 {
		if power := strings.IndexByte("kmgt", digits[n-1]); power >= 0 {
			factor, digits = int64(1)<<(10*(power+1)), digits[:n-1]
		}
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	return int64(number * float64(factor)), err == nil
}

// cacheItems compares what clients send to a cache with what it accepts (M3).
func (x *Index) cacheItems(s subject, c settings) {
	var visit func(value any, keys []string)
	visit = func(value any, keys []string) {
		block, ok := value.(map[string]any)
		if !ok {
			return
		}
		if addresses, ok := block["addresses"].(string); ok {
			if most, ok := size(block["max_item_size"]); ok {
				x.cacheItem(s, c.at(append(keys, "max_item_size")...), addresses, most)
			}
		}
		for _, key := range sortedKeys(block) {
			visit(block[key], append(keys[:len(keys):len(keys)], key))
		}
	}
	visit(c.content, nil)
}

func (x *Index) cacheItem(s subject, where, addresses string, most int64) {
	for _, m := range clusterAddress.FindAllStringSubmatch(addresses, -1) {
		svc := x.service(m[2], m[1])
		if svc == nil {
			continue
		}
		for _, p := range x.selected(svc) {
			for c := range p.containers() {
				if program(c.Image) != "memcached" {
					continue
				}
				accepted := int64(mebibyte)
				if written, ok := size(flags(c)["I"]); ok {
					accepted = written
				}
				if most > accepted {
					s.add(ruleMemcachedItem, where, "Raise -I, or lower max_item_size.", "items of up to %d bytes are sent to %s, which accepts %d (-I)", most, p.object.ID(), accepted)
				}
			}
		}
	}
}
