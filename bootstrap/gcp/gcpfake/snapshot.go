package gcpfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Snapshot describes everything that is there.
func (c *Cloud) Snapshot() string { return c.describe(false) }

// View is Snapshot with what callers can tell besides: whether something is shown, ready, and known to others.
func (c *Cloud) View() string { return c.describe(true) }

func (c *Cloud) describe(whole bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	var lines []string
	for _, i := range c.items {
		body := maps.Clone(i.Body)
		delete(body, "maintenancePolicy") // it holds the time
		written, err := json.Marshal(body)
		if err != nil {
			written = []byte(err.Error())
		}
		line := fmt.Sprintf("%s %s deleting=%t", i.ID, written, i.deleting)
		if whole {
			line += fmt.Sprintf(" pending=%t failed=%t visible=%t known=%t", i.pending(), i.failed, c.visible(i), time.Since(i.made) >= c.RightsLag)
		}
		lines = append(lines, line)
	}
	lines = append(lines, c.describePolicies(whole)...)
	for bucket, objects := range c.objects {
		for name, versions := range objects {
			if slices.ContainsFunc(versions, func(o object) bool { return o.live }) {
				lines = append(lines, "object "+bucket+"/"+name)
			}
		}
	}
	for name, on := range c.Disabled {
		lines = append(lines, fmt.Sprintf("%s disabled=%t", name, on))
	}
	for name, since := range c.enabling {
		if whole {
			lines = append(lines, fmt.Sprintf("%s open=%t known=%t", name, time.Since(since) >= c.Lag, time.Since(since) >= c.RightsLag))
		}
	}
	for name, until := range c.held {
		if whole && time.Now().Before(until) {
			lines = append(lines, "held "+name)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (c *Cloud) describePolicies(whole bool) []string {
	var lines []string
	for id, p := range c.policies {
		for _, b := range p.bindings {
			for _, member := range b.members {
				line := fmt.Sprintf("%s: %s for %s if %q", id, b.role, member, b.condition)
				if whole {
					line += fmt.Sprintf(" known=%t", time.Since(p.changed) >= c.RightsLag)
				}
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Copy is the same project once more, as it is now.
func (c *Cloud) Copy() *Cloud {
	c.mu.Lock()
	defer c.mu.Unlock()
	other := New(0, 0)
	other.Lag, other.RightsLag, other.Held, other.Making, other.Going, other.Throttle = c.Lag, c.RightsLag, c.Held, c.Making, c.Going, c.Throttle
	other.Refuse, other.FailLater, other.Disabled, other.Broken = maps.Clone(c.Refuse), maps.Clone(c.FailLater), maps.Clone(c.Disabled), maps.Clone(c.Broken)
	other.BrokenCluster, other.Expired, other.Quotas = c.BrokenCluster, c.Expired, c.Quotas
	other.operations, other.held, other.enabling, other.next, other.calls = maps.Clone(c.operations), maps.Clone(c.held), maps.Clone(c.enabling), c.next, c.calls
	for _, i := range c.items {
		item := *i
		other.items = append(other.items, &item)
	}
	for id, p := range c.policies {
		copied := *p
		other.policies[id] = &copied
	}
	for bucket, objects := range c.objects {
		other.objects[bucket] = map[string][]object{}
		for name, versions := range objects {
			other.objects[bucket][name] = slices.Clone(versions)
		}
	}
	return other
}
