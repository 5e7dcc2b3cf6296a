package login

import (
	"slices"

	"github.com/opsgen/opsgen/proxy/config"
)

// mostGroupBytes bounds the groups that a session keeps, so that its cookie stays below 4 KiB.
const mostGroupBytes = 1536

// ranks are the tenant's groups by role, the highest first.
func ranks(access *config.Access) []struct {
	role   Role
	groups []string
} {
	return []struct {
		role   Role
		groups []string
	}{{Admin, access.Admins}, {Editor, access.Editors}, {Viewer, access.Viewers}}
}

// roleOf is the highest role of somebody in these groups; "" for none. Names are compared exactly: providers have both
// "SRE" and "sre".
func roleOf(access *config.Access, groups []string) Role {
	if access == nil {
		return ""
	}
	for _, rank := range ranks(access) {
		for _, group := range rank.groups {
			if group != "" && slices.Contains(groups, group) {
				return rank.role
			}
		}
	}
	return ""
}

// relevant are the groups that have a role at the tenant, those with the highest role first. What does not fit into a
// cookie is left out, so that a person may lose the lower of two roles and never gains one.
func relevant(access *config.Access, groups []string) []string {
	if access == nil {
		return nil
	}
	held := make(map[string]bool, len(groups))
	for _, group := range groups {
		held[group] = true
	}
	var kept []string
	size := 0
	for _, rank := range ranks(access) {
		for _, group := range rank.groups {
			if group == "" || !held[group] || size+len(group)+3 > mostGroupBytes {
				continue
			}
			held[group] = false // once
			size += len(group) + 3
			kept = append(kept, group)
		}
	}
	return kept
}
