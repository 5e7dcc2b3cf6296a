package gcpfake

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// serveDNS understands /dns/v1/projects/P/managedZones[/Z[:VERB][/rrsets|/changes]].
func (c *Cloud) serveDNS(k *call) {
	path, verb := k.path[2:], ""
	path[len(path)-1], verb, _ = strings.Cut(path[len(path)-1], ":")
	if len(path) == 3 {
		c.serveZones(k, strings.Join(path, "/"))
		return
	}
	id := strings.Join(path[:4], "/")
	what := map[bool]string{true: "changes.create", false: "resourceRecordSets.list"}[path[len(path)-1] == "changes"]
	if len(path) == 4 {
		what = "managedZones." + map[string]string{http.MethodGet: "get", http.MethodDelete: "delete", http.MethodPost: verb}[k.request.Method]
	}
	if !c.begin(k, what) {
		return
	}
	zone := c.get(id)
	switch {
	case zone == nil:
		k.fail(http.StatusNotFound, "notFound", "The 'parameters.managedZone' resource named '"+last(id)+"' does not exist.")
	case what == "changes.create":
		c.changeRecords(k, zone)
	case what == "resourceRecordSets.list":
		k.paged("rrsets", slices.Clone(records(zone)))
	case verb == "getIamPolicy":
		c.servePolicy(k, id, "get", nil)
	case verb == "setIamPolicy":
		body, _ := k.body["policy"].(map[string]any)
		c.servePolicy(k, id, "set", body)
	case k.request.Method == http.MethodDelete:
		if len(records(zone)) > 2 {
			k.fail(http.StatusBadRequest, "containerNotEmpty", "The resource named '"+last(id)+"' cannot be deleted because it is not empty")
			return
		}
		c.remove(zone)
		k.WriteHeader(http.StatusNoContent)
	default:
		k.answer(plain(zone))
	}
}

// plain is a zone without its records.
func plain(zone *Item) map[string]any {
	body := with(zone.Body, "nameServers", []any{"ns-cloud-a1.googledomains.com.", "ns-cloud-a2.googledomains.com."})
	delete(body, "rrsets")
	return body
}

func records(zone *Item) []any {
	list, _ := zone.Body["rrsets"].([]any)
	return list
}

func (c *Cloud) serveZones(k *call, parent string) {
	if k.request.Method == http.MethodGet {
		if !c.begin(k, "managedZones.list") {
			return
		}
		list := []any{}
		for _, zone := range c.all("managedZones") {
			if name := k.request.URL.Query().Get("dnsName"); c.visible(zone) && (name == "" || name == text(zone.Body["dnsName"])) {
				list = append(list, plain(zone))
			}
		}
		k.paged("managedZones", list)
		return
	}
	id := parent + "/" + text(k.body["name"])
	switch {
	case !c.begin(k, "managedZones.create"):
	case c.there(id) != nil:
		k.exists(id)
	case k.body["description"] == nil:
		k.fail(http.StatusBadRequest, "required", "The 'entity.managedZone.description' parameter is required but was missing.")
	default:
		name := text(k.body["dnsName"])
		c.insert("managedZones", id, with(k.body, "rrsets", []any{record(name, "NS", "ns1."), record(name, "SOA", "soa.")}))
		k.answer(k.body)
	}
}

func record(name, kind, data string) map[string]any {
	return map[string]any{"name": name, "type": kind, "ttl": 300, "rrdatas": []any{data}}
}

// changeRecords deletes records, each of which must be there as it is given.
func (c *Cloud) changeRecords(k *call, zone *Item) {
	deletions, _ := k.body["deletions"].([]any)
	list := slices.Clone(records(zone))
	for _, given := range deletions {
		g, _ := given.(map[string]any)
		before := len(list)
		list = slices.DeleteFunc(list, func(have any) bool {
			h, _ := have.(map[string]any)
			return h["name"] == g["name"] && h["type"] == g["type"]
		})
		if len(list) == before {
			k.fail(http.StatusNotFound, "notFound", "The 'entity.change.deletions[0]' resource named '"+text(g["name"])+"' does not exist.")
			return
		}
	}
	zone.Body = with(zone.Body, "rrsets", list)
	k.answer(map[string]any{"id": "1", "status": "done"})
}

// writeRecords is what external-dns writes into a zone: a record of the cluster's, and one of another's, which stays.
func (c *Cloud) writeRecords(zone *Item) {
	name := text(zone.Body["dnsName"])
	sum := sha256.Sum256([]byte(strings.TrimSuffix(name, ".")))
	mark := func(owner string) string {
		return `"heritage=external-dns,external-dns/owner=` + owner + `,external-dns/resource=service/proxy/front-door"`
	}
	list := slices.Clone(records(zone))
	list = slices.DeleteFunc(list, func(have any) bool {
		kind := have.(map[string]any)["type"] //nolint:errcheck,forcetypeassert // records are objects
		return kind == "A" || kind == "TXT"
	})
	list = append(list,
		record("*."+name, "A", "192.0.2.1"), record("a-edns.wildcard."+name, "TXT", mark("prod-"+hex.EncodeToString(sum[:])[:8])),
		record("other."+name, "A", "192.0.2.2"), record("a-edns.other."+name, "TXT", mark("prod-"+hex.EncodeToString(sum[:])[:8]+"-2")),
	)
	zone.Body = with(zone.Body, "rrsets", list)
	zone.made = time.Now().Add(-c.Lag)
}
