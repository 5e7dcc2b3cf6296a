package gcpfake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Cloud is one project. Its zero value is not usable: see New.
type Cloud struct {
	// Lag is how long something that was made is not shown, and RightsLag how long accounts and rights are not known to others.
	Lag, RightsLag time.Duration
	// Held is how long the name of a deleted bucket is taken.
	Held time.Duration
	// Making and Going are how long things take to become ready and to go, by kind ("networks", "clusters", "nodePools").
	Making, Going map[string]time.Duration
	// Throttle refuses each n-th call; 0 for none.
	Throttle int
	// Refuse gives an error code for calls that shall fail, by "<service>:<collection>.<method>" ("compute:networks.insert").
	// A code that begins with "constraints/" is a policy of the organization.
	Refuse map[string]string
	// FailLater is Refuse for operations of Compute Engine that begin well.
	FailLater map[string]string
	// Disabled are APIs that are not enabled ("compute.googleapis.com").
	Disabled map[string]bool
	// Broken are node pools that fail for want of machines; BrokenCluster is the same for the whole cluster.
	Broken        map[string]bool
	BrokenCluster bool
	// Expired refuses all tokens.
	Expired bool
	// Quotas are what is left in the region, by metric.
	Quotas map[string]float64
	// Project, Number and Region are where everything is.
	Project, Number, Region string

	mu         sync.Mutex
	items      []*Item
	operations map[string]operation
	policies   map[string]*policy
	objects    map[string]map[string][]object
	held       map[string]time.Time
	enabling   map[string]time.Time
	next       int
	calls      int
	log        []string
}

// Item is one resource.
type Item struct {
	// Kind is its collection ("networks"), ID its name with all that it is in ("projects/p/global/networks/n").
	Kind, ID string
	// Body is as it was sent. It is never changed, but replaced.
	Body map[string]any
	// Foreign says that it is another project's.
	Foreign bool

	made, ready, gone time.Time
	deleting, failed  bool
	// spawned says that Kubernetes has made what it makes.
	spawned bool
}

// operation is something that goes on.
type operation struct {
	done          time.Time
	code, message string
}

// New is an empty project whose control planes and nodes take that long.
func New(controlPlane, nodes time.Duration) *Cloud {
	return &Cloud{
		Project: "acme-observability", Number: "415104041262", Region: "europe-west3", Lag: 2 * time.Second, RightsLag: 7 * time.Second, Held: 5 * time.Second,
		Making: map[string]time.Duration{
			"networks": 6 * time.Second, "subnetworks": 6 * time.Second, "routers": 4 * time.Second, "services": 5 * time.Second,
			"clusters": controlPlane, "nodePools": nodes,
		},
		Going: map[string]time.Duration{
			"networks": 6 * time.Second, "subnetworks": 6 * time.Second, "routers": 4 * time.Second, "disks": 3 * time.Second,
			"clusters": controlPlane / 2, "nodePools": nodes,
			"forwardingRules": 4 * time.Second, "backendServices": 3 * time.Second, "firewalls": 2 * time.Second, "networkEndpointGroups": 2 * time.Second,
		},
		Refuse: map[string]string{}, FailLater: map[string]string{}, Disabled: map[string]bool{}, Broken: map[string]bool{},
		Quotas:     map[string]float64{"N2_CPUS": 200, "CPUS": 200, "INSTANCES": 100, "SSD_TOTAL_GB": 10000, "IN_USE_ADDRESSES": 8, "STATIC_ADDRESSES": 8},
		operations: map[string]operation{}, policies: map[string]*policy{}, objects: map[string]map[string][]object{}, held: map[string]time.Time{},
		enabling: map[string]time.Time{},
	}
}

// call is one request, understood so far.
type call struct {
	http.ResponseWriter
	request *http.Request
	service string
	body    map[string]any
	raw     []byte
	path    []string
}

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	service, _, _ := strings.Cut(cmp.Or(r.URL.Host, r.Host), ".")
	k := &call{ResponseWriter: w, request: r, service: service, path: strings.Split(strings.Trim(r.URL.Path, "/"), "/")}
	var err error
	if r.Body != nil {
		k.raw, err = io.ReadAll(r.Body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if json.Unmarshal(k.raw, &k.body) != nil {
		k.body = map[string]any{}
	}
	c.settle()
	c.calls++
	switch {
	case service == "oauth2":
		c.serveToken(k)
	case c.Throttle > 0 && c.calls%c.Throttle == 0:
		k.fail(http.StatusTooManyRequests, "rateLimitExceeded", "Quota exceeded for quota metric 'Requests'")
	case c.Expired || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ya29."):
		k.fail(http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
	case c.Disabled[service+".googleapis.com"] || time.Since(c.enabling[service+".googleapis.com"]) < c.Lag:
		k.fail(http.StatusForbidden, "SERVICE_DISABLED", "API "+service+" has not been used in project before or it is disabled.")
	default:
		c.serve(k)
	}
}

func (c *Cloud) serve(k *call) {
	services := map[string]func(*call){
		"compute": c.serveCompute, "container": c.serveContainer, "storage": c.serveStorage, "iam": c.serveIAM, "dns": c.serveDNS,
		"cloudkms": c.serveKMS, "serviceusage": c.serveServices, "cloudresourcemanager": c.serveProjects,
	}
	serve := services[k.service]
	if serve == nil {
		k.fail(http.StatusNotFound, "NOT_FOUND", "there is no service "+k.service)
		return
	}
	serve(k)
}

// serveToken gives a token for a service account's signed assertion.
func (c *Cloud) serveToken(k *call) {
	if code := c.Refuse["oauth2:token"]; code != "" {
		k.write(http.StatusBadRequest, map[string]any{"error": code, "error_description": "Invalid JWT Signature."})
		return
	}
	c.next++
	k.write(http.StatusOK, map[string]any{"access_token": fmt.Sprintf("ya29.%d", c.next), "token_type": "Bearer", "expires_in": 3599})
}

// begin notes an action; it is false when the action was refused.
func (c *Cloud) begin(k *call, action string) bool {
	name := k.service + ":" + action
	c.log = append(c.log, name)
	code := c.Refuse[name]
	switch {
	case code == "":
		return true
	case strings.HasPrefix(code, "constraints/"):
		k.fail(http.StatusPreconditionFailed, "conditionNotMet", "Constraint "+code+" violated for project "+c.Project+".")
	case code == "UNAUTHENTICATED":
		k.fail(http.StatusUnauthorized, code, "Request had invalid authentication credentials.")
	default:
		k.fail(http.StatusForbidden, code, "Required permission for "+name+", or: "+code)
	}
	return false
}

// Calls are all actions that were called, in order.
func (c *Cloud) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}

// fail answers with an error in the service's own form: older services give reasons, newer ones a status and details.
func (k *call) fail(status int, code, message string) {
	body := map[string]any{"code": status, "message": message}
	switch k.service {
	case "compute", "storage", "dns":
		reason := code
		if code == "SERVICE_DISABLED" {
			reason = "accessNotConfigured"
		}
		if code == "UNAUTHENTICATED" {
			reason = "authError"
		}
		body["errors"] = []any{map[string]any{"message": message, "domain": "global", "reason": reason}}
	default:
		text := map[int]string{
			http.StatusBadRequest: "INVALID_ARGUMENT", http.StatusUnauthorized: "UNAUTHENTICATED", http.StatusForbidden: "PERMISSION_DENIED",
			http.StatusNotFound: "NOT_FOUND", http.StatusTooManyRequests: "RESOURCE_EXHAUSTED", http.StatusPreconditionFailed: "FAILED_PRECONDITION",
		}[status]
		if code == strings.ToUpper(code) && code != "SERVICE_DISABLED" {
			text = code
		}
		body["status"] = text
		body["details"] = []any{map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "googleapis.com"}}
	}
	k.write(status, map[string]any{"error": body})
}

func (k *call) notFound(what string) {
	k.fail(http.StatusNotFound, map[bool]string{true: "notFound", false: "NOT_FOUND"}[k.legacy()], "The resource '"+what+"' was not found")
}

func (k *call) exists(what string) {
	k.fail(http.StatusConflict, map[bool]string{true: "alreadyExists", false: "ALREADY_EXISTS"}[k.legacy()], "The resource '"+what+"' already exists")
}

func (k *call) legacy() bool {
	return k.service == "compute" || k.service == "dns" || k.service == "storage"
}

func (k *call) write(status int, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(err.Error())
	}
	k.Header().Set("Content-Type", "application/json")
	k.WriteHeader(status)
	if _, err := k.Write(text); err != nil {
		return // the caller is gone
	}
}

func (k *call) answer(value any) { k.write(http.StatusOK, value) }

// settle lets go what has gone, and Kubernetes make what it makes.
func (c *Cloud) settle() {
	now := time.Now()
	for _, i := range slices.Clone(c.items) {
		switch {
		case i.deleting && !now.Before(i.gone):
			c.items = slices.DeleteFunc(c.items, func(other *Item) bool { return other == i })
			delete(c.policies, i.ID)
			c.left(i)
		case i.Kind == "clusters" && !i.spawned && !i.failed && !i.deleting && !now.Before(i.ready):
			i.spawned = true
			c.kubernetes(i)
		}
	}
}

// insert adds something new.
func (c *Cloud) insert(kind, id string, body map[string]any) *Item {
	i := &Item{Kind: kind, ID: id, Body: body, made: time.Now()}
	i.ready = i.made.Add(c.Making[kind])
	c.items = append(c.items, i)
	return i
}

// Put adds something that was there before, or that somebody else made.
func (c *Cloud) Put(i Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i.spawned = true
	c.items = append(c.items, &i)
	if i.Kind == "buckets" {
		c.next++
		c.objects[i.ID] = map[string][]object{"precious": {{text: "x", generation: int64(c.next), live: true}}}
	}
}

// Count is how many there are of a kind.
func (c *Cloud) Count(kind string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	return len(c.all(kind))
}

// all are those of a kind, those that cannot be seen yet too.
func (c *Cloud) all(kind string) []*Item {
	var list []*Item
	for _, i := range c.items {
		if i.Kind == kind {
			list = append(list, i)
		}
	}
	return list
}

// there is what has that ID, whether it can be seen or not; get is what can.
func (c *Cloud) there(id string) *Item {
	for _, i := range c.items {
		if i.ID == id {
			return i
		}
	}
	return nil
}

func (c *Cloud) get(id string) *Item {
	if i := c.there(id); i != nil && c.visible(i) {
		return i
	}
	return nil
}

func (c *Cloud) visible(i *Item) bool { return time.Since(i.made) >= c.Lag }

func (i *Item) pending() bool { return time.Now().Before(i.ready) }

// remove begins the end of something.
func (c *Cloud) remove(i *Item) {
	if !i.deleting {
		i.deleting, i.gone = true, time.Now().Add(c.Going[i.Kind])
	}
	c.settle()
}

// with is a body with another value.
func with(body map[string]any, key string, value any) map[string]any {
	body = maps.Clone(body)
	body[key] = value
	return body
}

// under is a value inside a body; nil where there is none.
func under(body map[string]any, keys ...string) any {
	var value any = body
	for _, key := range keys {
		inner, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = inner[key]
	}
	return value
}

func text(value any) string {
	s, _ := value.(string)
	return s
}

func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// Body is what an ID has, as it was sent; nil where there is none.
func (c *Cloud) Body(id string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.there(id); i != nil {
		return i.Body
	}
	return nil
}

// Set changes what the cloud does while it is called.
func (c *Cloud) Set(change func(*Cloud)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// Break makes something that was well fail.
func (c *Cloud) Break(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.there(id); i != nil {
		i.failed = true
	}
}

// Lose takes something away with all that goes with it, as a person would who deleted it long ago.
func (c *Cloud) Lose(id string) {
	c.end(id, func(i *Item) { i.gone = time.Now() })
}

// Remove begins the end of something, as a run that was killed would have.
func (c *Cloud) Remove(id string) {
	c.end(id, func(i *Item) { i.gone = time.Now().Add(c.Going[i.Kind]) })
}

// end deletes what is at an ID and below it.
func (c *Cloud) end(id string, when func(*Item)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	for _, i := range c.items {
		if i.ID == id || strings.HasPrefix(i.ID, id+"/") {
			i.deleting = true
			when(i)
		}
	}
	c.settle()
}
