package gcpfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// serveCompute understands /compute/v1/projects/P/(global|regions/R|zones/Z)/COLLECTION[/NAME[/VERB]].
func (c *Cloud) serveCompute(k *call) {
	path := k.path[2:] // without compute/v1
	if len(path) < 3 || path[1] != c.Project {
		k.notFound(k.request.URL.Path)
		return
	}
	rest, scope := path[2:], path[:3]
	switch {
	case rest[0] == "zones" && len(rest) == 1:
		c.listZones(k)
		return
	case rest[0] == "regions" && len(rest) == 2:
		c.getRegion(k)
		return
	case rest[0] == "aggregated":
		c.aggregated(k, rest[1])
		return
	case rest[0] == "global":
		rest = rest[1:]
	default:
		rest, scope = rest[2:], path[:4]
	}
	if len(rest) == 0 {
		k.notFound(k.request.URL.Path)
		return
	}
	if rest[0] == "operations" {
		c.getOperation(k, rest[1])
		return
	}
	c.collection(k, strings.Join(scope, "/"), rest)
}

func (c *Cloud) collection(k *call, scope string, rest []string) {
	kind := rest[0]
	if kind == "machineTypes" {
		c.machineType(k, scope, rest[1])
		return
	}
	if len(rest) == 1 {
		if k.request.Method == http.MethodPost {
			c.insertCompute(k, scope, kind)
		} else if c.begin(k, kind+".list") {
			k.paged("items", c.listed(kind, scope))
		}
		return
	}
	id := scope + "/" + kind + "/" + rest[1]
	method := map[string]string{http.MethodGet: "get", http.MethodDelete: "delete", http.MethodPatch: "patch", http.MethodPost: "post"}[k.request.Method]
	if !c.begin(k, kind+"."+method) {
		return
	}
	i := c.get(id)
	switch {
	case i == nil:
		k.notFound(id)
	case method == "get":
		k.answer(shown(i))
	case i.deleting || i.pending():
		k.fail(http.StatusBadRequest, "resourceNotReady", "The resource '"+id+"' is not ready")
	case method == "delete":
		c.deleteCompute(k, i, scope)
	default:
		for key, value := range k.body {
			i.Body = with(i.Body, key, value)
		}
		c.operate(k, scope, time.Second, "")
	}
}

func (c *Cloud) listed(kind, scope string) []any {
	list := []any{}
	for _, i := range c.all(kind) {
		if c.visible(i) && strings.HasPrefix(i.ID, scope+"/") {
			list = append(list, shown(i))
		}
	}
	return list
}

// shown is a resource with the fields that the service adds.
func shown(i *Item) map[string]any {
	body := with(i.Body, "selfLink", "https://www.googleapis.com/compute/v1/"+i.ID)
	parts := strings.Split(i.ID, "/")
	if parts[2] == "zones" {
		body["zone"] = "https://www.googleapis.com/compute/v1/" + strings.Join(parts[:4], "/")
	}
	return body
}

func (c *Cloud) insertCompute(k *call, scope, kind string) {
	if !c.begin(k, kind+".insert") {
		return
	}
	id := scope + "/" + kind + "/" + text(k.body["name"])
	if c.there(id) != nil {
		k.exists(id)
		return
	}
	for _, ref := range references(k.body) {
		there := c.get(ref)
		if there == nil || there.deleting {
			k.notFound(ref)
			return
		}
		if there.pending() {
			k.fail(http.StatusBadRequest, "resourceNotReady", "The resource '"+ref+"' is not ready")
			return
		}
	}
	if code := c.FailLater[k.service+":"+kind+".insert"]; code != "" {
		c.operate(k, scope, c.Making[kind], code)
		return
	}
	i := c.insert(kind, id, k.body)
	c.operate(k, scope, time.Until(i.ready), "")
}

func (c *Cloud) deleteCompute(k *call, i *Item, scope string) {
	if user := c.user(i.ID); user != nil {
		k.fail(http.StatusBadRequest, "resourceInUseByAnotherResource", "The "+i.Kind+" resource '"+i.ID+"' is already being used by '"+user.ID+"'")
		return
	}
	c.remove(i)
	c.operate(k, scope, time.Until(i.gone), "")
}

// user is something that refers to an ID; nil when nothing does.
func (c *Cloud) user(id string) *Item {
	for _, i := range c.items {
		if slices.Contains(references(i.Body), id) || slices.Contains(c.clusterParts(i), id) {
			return i
		}
	}
	return nil
}

// reference is how one resource names another.
var reference = regexp.MustCompile(`"(?:https://[a-z.]+/compute/v1/)?(projects/[^"]+/(?:networks|subnetworks|backendServices|targetPools|healthChecks|networkEndpointGroups)/[^"]+)"`)

func references(body map[string]any) []string {
	written, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	var list []string
	for _, found := range reference.FindAllStringSubmatch(string(written), -1) {
		list = append(list, found[1])
	}
	return list
}

// operate answers with an operation that ends after a time, with an error where a code is given.
func (c *Cloud) operate(k *call, scope string, takes time.Duration, code string) {
	name := c.operation(takes, code)
	answer := map[string]any{"name": name, "status": "RUNNING"}
	parts := strings.Split(scope, "/")
	switch parts[2] {
	case "regions":
		answer["region"] = "https://www.googleapis.com/compute/v1/" + scope
	case "zones":
		answer["zone"] = "https://www.googleapis.com/compute/v1/" + scope
	}
	k.answer(answer)
}

func (c *Cloud) operation(takes time.Duration, code string) string {
	c.next++
	name := fmt.Sprintf("operation-%d", c.next)
	message := ""
	if code != "" {
		message = "The operation ended with " + code
	}
	c.operations[name] = operation{time.Now().Add(takes), code, message}
	return name
}

func (c *Cloud) getOperation(k *call, name string) {
	op, there := c.operations[name]
	if !there {
		k.notFound(name)
		return
	}
	answer := map[string]any{"name": name, "status": "RUNNING"}
	if !time.Now().Before(op.done) {
		answer["status"] = "DONE"
		if op.code != "" {
			answer["error"] = map[string]any{"errors": []any{map[string]any{"code": op.code, "message": op.message}}}
		}
	}
	k.answer(answer)
}

// zoneNames are the region's zones.
func (c *Cloud) zoneNames() []string {
	return []string{c.Region + "-a", c.Region + "-b", c.Region + "-c"}
}

func (c *Cloud) listZones(k *call) {
	if !c.begin(k, "zones.list") {
		return
	}
	var list []any
	for _, name := range append(c.zoneNames(), "us-central1-a") {
		region := "https://www.googleapis.com/compute/v1/projects/" + c.Project + "/regions/" + name[:strings.LastIndex(name, "-")]
		list = append(list, map[string]any{"name": name, "status": "UP", "region": region})
	}
	k.paged("items", list)
}

func (c *Cloud) getRegion(k *call) {
	if !c.begin(k, "regions.get") {
		return
	}
	var list []any
	for metric, left := range c.Quotas {
		list = append(list, map[string]any{"metric": metric, "limit": left + 10, "usage": 10})
	}
	k.answer(map[string]any{"name": c.Region, "status": "UP", "quotas": list})
}

func (c *Cloud) machineType(k *call, scope, name string) {
	if !c.begin(k, "machineTypes.get") {
		return
	}
	if c.Broken["machines "+last(scope)] {
		k.notFound(name)
		return
	}
	k.answer(map[string]any{"name": name})
}

// aggregated lists a collection of all zones and regions.
func (c *Cloud) aggregated(k *call, kind string) {
	if !c.begin(k, kind+".aggregatedList") {
		return
	}
	items := map[string]any{}
	for _, zone := range c.zoneNames() {
		list := c.listed(kind, "projects/"+c.Project+"/zones/"+zone)
		if len(list) == 0 {
			items["zones/"+zone] = map[string]any{"warning": map[string]any{"code": "NO_RESULTS_ON_PAGE"}}
			continue
		}
		items["zones/"+zone] = map[string]any{kind: list}
	}
	k.answer(map[string]any{"items": items})
}
