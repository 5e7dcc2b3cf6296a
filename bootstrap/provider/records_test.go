package provider

import (
	"fmt"
	"testing"
)

// TestRecordsOfOthersAreNotOurs: two clusters may share a zone, and people write into it, too.
func TestRecordsOfOthersAreNotOurs(t *testing.T) {
	owner := RecordsOwner("prod", "obs.example.com")
	mark := func(owner string) []string {
		return []string{fmt.Sprintf(`"heritage=external-dns,external-dns/owner=%s,external-dns/resource=service/proxy/proxy"`, owner)}
	}
	all := []Record{
		{"obs.example.com.", "NS", []string{"ns-1"}},
		{"*.obs.example.com.", "A", []string{"203.0.113.1"}},
		{"a-edns.wildcard.obs.example.com.", "TXT", mark(owner)},
		{"obs.example.com.", "A", []string{"203.0.113.1"}},
		{"obs.example.com.", "TXT", []string{"a person's"}},
		{"a-edns.obs.example.com.", "TXT", mark(owner)},
		{"other.example.com.", "A", []string{"203.0.113.2"}},
		{"a-edns.other.example.com.", "TXT", mark(owner + "0")},
		{"mine.example.com.", "A", []string{"203.0.113.3"}},
		{"a-edns.mine.example.com.", "TXT", []string{`"external-dns/owner=` + owner + `"`}},
	}
	if got := fmt.Sprint(Written(all, owner)); got != "[2 1 5 3]" {
		t.Errorf("ours are %s", got)
	}
}
