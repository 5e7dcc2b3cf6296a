package awsfake

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Snapshot describes everything that is there. IDs that AWS chose are replaced by what they are of.
func (c *Cloud) Snapshot() string { return c.describeAll(func(*Item) string { return "" }) }

// View is Snapshot with what callers can tell besides: whether something is shown, and whether it is ready.
func (c *Cloud) View() string {
	return c.describeAll(func(i *Item) string {
		return fmt.Sprintf(" %s visible=%t assumable=%t", i.status(), c.visible(i), time.Since(i.made) >= c.RoleLag)
	})
}

func (c *Cloud) describeAll(more func(*Item) string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	var names []string
	// An ID may begin with another one.
	for _, i := range slices.SortedFunc(slices.Values(c.items), func(a, b *Item) int { return len(b.ID) - len(a.ID) }) {
		names = append(names, i.ID, i.Kind+"<"+i.name()+">")
	}
	replacer := strings.NewReplacer(names...)
	var lines []string
	for _, i := range c.items {
		var props []string
		for _, key := range slices.Sorted(maps.Keys(i.Props)) {
			if key == "CallerReference" {
				continue // it differs for each run
			}
			props = append(props, key+"="+i.Props[key])
		}
		lines = append(lines, replacer.Replace(fmt.Sprintf("%s %s %s deleting=%t", i.Kind, i.ID, strings.Join(props, " "), i.deleting))+more(i))
	}
	for bucket, objects := range c.objects {
		for key := range objects {
			lines = append(lines, "object "+bucket+"/"+key)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// Copy is the same account once more, as it is now.
func (c *Cloud) Copy() *Cloud {
	c.mu.Lock()
	defer c.mu.Unlock()
	other := &Cloud{
		known: c.known, Lag: c.Lag, RoleLag: c.RoleLag, Making: c.Making, Going: c.Going, Throttle: c.Throttle, Refuse: maps.Clone(c.Refuse),
		Broken: maps.Clone(c.Broken), Stuck: maps.Clone(c.Stuck), Insights: maps.Clone(c.Insights), Quotas: c.Quotas, Releases: c.Releases,
		Account: c.Account, Region: c.Region, objects: map[string]map[string]object{}, next: c.next, calls: c.calls,
	}
	for _, i := range c.items {
		item := *i
		item.Tags, item.Props = maps.Clone(i.Tags), maps.Clone(i.Props)
		other.items = append(other.items, &item)
	}
	for bucket, objects := range c.objects {
		other.objects[bucket] = maps.Clone(objects)
	}
	return other
}

// name is what the item is called whatever its ID is.
func (i *Item) name() string {
	if name := i.Tags["opsgen.io/name"]; name != "" {
		return name
	}
	return i.Props["description"]
}
