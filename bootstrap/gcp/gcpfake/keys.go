package gcpfake

import (
	"fmt"
	"net/http"
	"strings"
)

// serveKMS understands /v1/projects/P/locations/R/keyRings[/R[/cryptoKeys[/K[:VERB][/cryptoKeyVersions[/V[:VERB]]]]]].
func (c *Cloud) serveKMS(k *call) {
	path, verb := k.path[1:], ""
	path[len(path)-1], verb, _ = strings.Cut(path[len(path)-1], ":")
	kind := path[len(path)-1-(len(path)+1)%2]
	id := strings.Join(path, "/")
	query := k.request.URL.Query()
	switch {
	case len(path)%2 == 1 && k.request.Method == http.MethodPost && kind == "cryptoKeyVersions":
		c.createVersion(k, strings.Join(path[:len(path)-1], "/"))
	case len(path)%2 == 1 && k.request.Method == http.MethodPost:
		c.createKey(k, kind, id+"/"+query.Get(strings.TrimSuffix(kind, "s")+"Id"))
	case len(path)%2 == 1:
		c.listVersions(k, strings.Join(path[:len(path)-1], "/"))
	default:
		c.serveKey(k, path[len(path)-2], id, verb)
	}
}

func (c *Cloud) createKey(k *call, kind, id string) {
	if !c.begin(k, kind+".create") {
		return
	}
	parent := id[:strings.LastIndex(id, "/"+kind)]
	switch {
	case c.there(id) != nil:
		k.exists(id)
	case kind == "cryptoKeys" && c.get(parent) == nil:
		k.notFound(parent)
	default:
		i := c.insert(kind, id, with(k.body, "name", id))
		if kind == "cryptoKeys" {
			c.insert("cryptoKeyVersions", id+"/cryptoKeyVersions/1", map[string]any{"name": id + "/cryptoKeyVersions/1", "state": "ENABLED"})
			i.Body = with(i.Body, "primaryVersion", "1")
		}
		k.answer(c.keyShown(i))
	}
}

func (c *Cloud) createVersion(k *call, key string) {
	if !c.begin(k, "cryptoKeyVersions.create") {
		return
	}
	number := 1
	for c.there(fmt.Sprintf("%s/cryptoKeyVersions/%d", key, number)) != nil {
		number++
	}
	id := fmt.Sprintf("%s/cryptoKeyVersions/%d", key, number)
	c.insert("cryptoKeyVersions", id, map[string]any{"name": id, "state": "ENABLED"})
	k.answer(map[string]any{"name": id, "state": "ENABLED"})
}

func (c *Cloud) listVersions(k *call, key string) {
	if !c.begin(k, "cryptoKeyVersions.list") {
		return
	}
	list := []any{}
	for _, i := range c.all("cryptoKeyVersions") {
		if strings.HasPrefix(i.ID, key+"/") && c.visible(i) {
			list = append(list, i.Body)
		}
	}
	k.paged("cryptoKeyVersions", list)
}

func (c *Cloud) serveKey(k *call, kind, id, verb string) {
	if verb == "" {
		verb = "get"
	}
	if !c.begin(k, kind+"."+verb) {
		return
	}
	i := c.get(id)
	if i == nil {
		k.notFound(id)
		return
	}
	switch verb {
	case "getIamPolicy":
		c.servePolicy(k, id, "get", nil)
	case "setIamPolicy":
		body, _ := k.body["policy"].(map[string]any)
		c.servePolicy(k, id, "set", body)
	case "updatePrimaryVersion":
		i.Body = with(i.Body, "primaryVersion", k.body["cryptoKeyVersionId"])
		k.answer(c.keyShown(i))
	case "destroy":
		if i.Body["state"] != "ENABLED" {
			k.fail(http.StatusBadRequest, "FAILED_PRECONDITION", "the version is "+text(i.Body["state"]))
			return
		}
		i.Body = with(i.Body, "state", "DESTROY_SCHEDULED")
		k.answer(i.Body)
	default:
		k.answer(c.keyShown(i))
	}
}

// keyShown is a key with its primary version.
func (c *Cloud) keyShown(i *Item) map[string]any {
	body := with(i.Body, "name", i.ID)
	if primary := c.get(i.ID + "/cryptoKeyVersions/" + text(i.Body["primaryVersion"])); primary != nil {
		body["primary"] = primary.Body
	}
	delete(body, "primaryVersion")
	return body
}

// usable says whether a key can encrypt.
func (c *Cloud) usable(id string) bool {
	i := c.get(id)
	if i == nil {
		return false
	}
	primary := c.get(id + "/cryptoKeyVersions/" + text(i.Body["primaryVersion"]))
	return primary != nil && primary.Body["state"] == "ENABLED"
}
