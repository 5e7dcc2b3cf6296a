package awsfake

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"

	"github.com/opsgen/opsgen/bootstrap/provider"
)

// records are a zone's, each with its name, type and value; the zone keeps them as lines.
func (i *Item) records() [][]string {
	var all [][]string
	for line := range strings.SplitSeq(i.Props["records"], "\n") {
		if record := strings.SplitN(line, " ", 3); len(record) == 3 {
			all = append(all, record)
		}
	}
	return all
}

func (i *Item) setRecords(all [][]string) {
	lines := make([]string, len(all))
	for n, record := range all {
		lines[n] = strings.Join(record, " ")
	}
	i.Props["records"] = strings.Join(lines, "\n")
}

// changeRecords deletes records, all or none.
func (c *Cloud) changeRecords(k *call, zone *Item) bool {
	var given struct {
		Changes []struct {
			Action string
			Set    struct{ Name, Type string } `xml:"ResourceRecordSet"`
		} `xml:"ChangeBatch>Changes>Change"`
	}
	err := xml.Unmarshal(k.body, &given)
	left := zone.records()
	for _, change := range given.Changes {
		at := slices.IndexFunc(left, func(record []string) bool {
			return record[0] == strings.ReplaceAll(change.Set.Name, `\052`, "*") && record[1] == change.Set.Type
		})
		if at < 0 || change.Action != "DELETE" || err != nil {
			k.fail(http.StatusBadRequest, "InvalidChangeBatch", "Tried to delete resource record set "+change.Set.Name+" but it was not found")
			return false
		}
		left = slices.Delete(left, at, at+1)
	}
	zone.setRecords(left)
	return true
}

// externalDNS writes what it writes once a cluster runs, into the zone of its domain.
func (c *Cloud) externalDNS(cluster string) {
	for _, zone := range c.all("zone") {
		name := zone.Props["Name"]
		owner := provider.RecordsOwner(cluster, strings.TrimSuffix(name, "."))
		mark := `"heritage=external-dns,external-dns/owner=` + owner + `,external-dns/resource=service/proxy/proxy"`
		if strings.Contains(zone.Props["records"], mark) {
			continue
		}
		zone.setRecords(append(zone.records(),
			[]string{"*." + name, "A", "203.0.113.1"}, []string{"a-edns.wildcard." + name, "TXT", mark}))
	}
}
