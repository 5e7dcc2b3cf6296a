package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// Record is one entry of a DNS zone.
type Record struct {
	// Name ends with a dot; a wildcard begins with "*.". Type is "A", "TXT", ….
	Name, Type string
	// Texts are its values.
	Texts []string
}

// RecordsOwner is the owner that the renderer tells external-dns to write beside its records (bases/external-dns): the
// cluster's name with its domain, so that two clusters can share a zone.
func RecordsOwner(cluster, domain string) string {
	sum := sha256.Sum256([]byte(domain))
	return cluster + "-" + hex.EncodeToString(sum[:])[:8]
}

// Written are the indexes of the records that external-dns wrote for an owner. It never removes any itself. Beside each, it
// writes a TXT record with the owner, whose name begins with the record's type (external-dns 0.22, registry/txt; the prefix
// and the word for * are bases/external-dns').
func Written(all []Record, owner string) []int {
	var ours []int
	for n, mark := range all {
		kind, name, found := strings.Cut(mark.Name, "-edns.")
		if mark.Type != "TXT" || !found || !slices.ContainsFunc(mark.Texts, func(text string) bool { return ownedBy(text, owner) }) {
			continue
		}
		if rest, wildcard := strings.CutPrefix(name, "wildcard."); wildcard {
			name = "*." + rest
		}
		ours = append(ours, n)
		for at, record := range all {
			if record.Name == name && strings.EqualFold(record.Type, kind) {
				ours = append(ours, at)
			}
		}
	}
	return ours
}

// ownedBy compares the whole owner: another one's name may begin with ours.
func ownedBy(text, owner string) bool {
	parts := strings.Split(strings.Trim(text, `"`), ",")
	return slices.Contains(parts, "heritage=external-dns") && slices.Contains(parts, "external-dns/owner="+owner)
}
