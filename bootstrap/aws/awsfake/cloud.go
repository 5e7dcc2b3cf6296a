package awsfake

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Cloud is one account in one region. Its zero value is not usable: see New.
type Cloud struct {
	// Lag is how long something that was made is not shown, and RoleLag how long a role cannot be used.
	Lag, RoleLag time.Duration
	// Making and Going are how long things take to become ready and to go, by kind ("cluster", "nodegroup", "nat").
	Making, Going map[string]time.Duration
	// Throttle refuses each n-th call; 0 for none.
	Throttle int
	// Refuse gives an error code for calls that shall fail, by "<service>:<action>" ("ec2:CreateVpc"), and more of a message
	// after a space; a call that has none is answered.
	Refuse map[string]string
	// Broken are names of node groups that fail for want of machines.
	Broken map[string]bool
	// Stuck are names of node groups whose pods cannot be moved: updates of them fail.
	Stuck map[string]bool
	// Insights are EKS' findings of an upgrade, by name, with their status ("ERROR").
	Insights map[string]string
	// Releases are the newest releases of the nodes' image, by version of Kubernetes; a version that has none has its ".1".
	Releases map[string]string
	// Quotas are those that were changed, by "<service>/<code>".
	Quotas map[string]float64
	// Account and Region are where everything is.
	Account, Region string

	known map[string]Fields
	mu    sync.Mutex
	items []*Item
	// ghosts are what is gone, and AWS' index of tags shows for some time more.
	ghosts  []*Item
	objects map[string]map[string]object
	next    int
	calls   int
	// Log is what was called, in order: "ec2:CreateVpc".
	log []string
	// errors are what calls failed with: "ec2:DeleteVpc DependencyViolation".
	errors []string
}

// Item is one resource.
type Item struct {
	Kind, ID string
	Tags     map[string]string
	// Props are settings, and IDs of what it belongs to.
	Props map[string]string

	made, ready, gone time.Time
	token             string
	deleting, failed  bool
	// next is the version that it has once busy is over.
	next, release string
	busy          time.Time
}

// New is an empty account whose control planes and nodes take that long.
func New(controlPlane, nodes time.Duration) *Cloud {
	return &Cloud{
		known: known(), Account: "123456789012", Region: "eu-central-1", Lag: 2 * time.Second, RoleLag: 8 * time.Second,
		Making: map[string]time.Duration{
			"cluster": controlPlane, "nodegroup": nodes, "nat": nodes / 2, "vpc": time.Second,
			"endpoint": 3 * time.Second, "addon": nodes / 4,
		},
		Going: map[string]time.Duration{
			"cluster": controlPlane / 2, "nodegroup": nodes, "nat": nodes / 3, "addon": nodes / 6, "endpoint": 5 * time.Second, "interface": 20 * time.Second,
		},
		objects: map[string]map[string]object{}, Refuse: map[string]string{}, Broken: map[string]bool{},
		Quotas: map[string]float64{}, Releases: map[string]string{}, Stuck: map[string]bool{}, Insights: map[string]string{},
	}
}

// call is one request, understood so far.
type call struct {
	http.ResponseWriter
	request *http.Request
	body    []byte
	service string
	form    url.Values
	// name is what is called, failed the code of the error that was answered; empty for none.
	name, failed string
}

// scope is where a signed request says which service it is for.
var scope = regexp.MustCompile(`Credential=[^/]+/\d{8}/[^/]+/([a-z0-9]+)/aws4_request`)

// ServeHTTP implements http.Handler.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	if found == nil {
		http.Error(w, "the request is not signed", http.StatusForbidden)
		return
	}
	var body []byte
	var err error
	if r.Body != nil { // requests that come from a client, not from a server, may have none
		body, err = io.ReadAll(r.Body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	k := &call{ResponseWriter: w, request: r, body: body, service: found[1]}
	if k.form, err = url.ParseQuery(string(body)); err != nil {
		k.form = url.Values{}
	}
	c.settle()
	c.calls++
	if c.Throttle > 0 && c.calls%c.Throttle == 0 {
		k.fail(http.StatusServiceUnavailable, map[string]string{"ec2": "RequestLimitExceeded", "s3": "SlowDown"}[k.service], "Request limit exceeded.")
		return
	}
	c.serve(k)
}

func (c *Cloud) serve(k *call) {
	services := map[string]func(*call){
		"ec2": c.serveEC2, "iam": c.serveIAM, "sts": c.serveSTS, "eks": c.serveEKS,
		"servicequotas": c.serveQuotas, "tagging": c.serveTags, "s3": c.serveS3, "kms": c.serveKMS, "route53": c.serveZones,
		"elasticloadbalancing": c.serveBalancers, "logs": c.serveLogs, "ssm": c.serveParameters,
	}
	serve := services[k.service]
	if serve == nil {
		k.fail(http.StatusBadRequest, "UnknownOperationException", "there is no service "+k.service)
		return
	}
	serve(k)
	if k.name != "" && k.failed != "" && !slices.Contains(c.errors, k.name+" "+k.failed) {
		c.errors = append(c.errors, k.name+" "+k.failed)
	}
}

// begin notes an action; it is false when the action was refused.
func (c *Cloud) begin(k *call, action string) bool {
	name := k.service + ":" + action
	k.name = name
	c.log = append(c.log, name)
	if !c.fits(k, name) {
		return false
	}
	if code := c.Refuse[name]; code != "" {
		code, more, _ := strings.Cut(code, " ")
		k.fail(http.StatusForbidden, code, strings.TrimSpace("You are not authorized to perform this operation: "+name+" "+more))
		return false
	}
	return true
}

// Calls are all actions that were called, in order.
func (c *Cloud) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.log)
}

// Errors are the codes that calls failed with, each once, by "<service>:<action>".
func (c *Cloud) Errors() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.errors)
}

// fail answers with an error in the service's own form.
func (k *call) fail(status int, code, message string) {
	if code == "" {
		code = "Throttling"
	}
	k.failed = code
	switch k.service {
	case "ec2":
		k.write(status, "text/xml", "<Response><Errors><Error><Code>"+code+"</Code><Message>"+escape(message)+
			"</Message></Error></Errors><RequestID>1</RequestID></Response>")
	case "s3":
		k.write(status, "application/xml", "<Error><Code>"+code+"</Code><Message>"+escape(message)+"</Message></Error>")
	case "eks", "kms", "servicequotas", "tagging", "logs", "ssm":
		k.Header().Set("X-Amzn-ErrorType", code)
		k.write(status, "application/json", fmt.Sprintf(`{"__type":%q,"message":%q}`, code, message))
	default:
		k.write(status, "text/xml", "<ErrorResponse><Error><Type>Sender</Type><Code>"+code+"</Code><Message>"+escape(message)+
			"</Message></Error><RequestId>1</RequestId></ErrorResponse>")
	}
}

func (k *call) write(status int, kind, text string) {
	k.Header().Set("Content-Type", kind)
	k.WriteHeader(status)
	if k.request.Method == http.MethodHead {
		return
	}
	if _, err := io.WriteString(k, text); err != nil {
		return // the caller is gone
	}
}

// settle lets go what has gone.
func (c *Cloud) settle() {
	now := time.Now()
	for _, i := range c.items {
		if i.deleting && !now.Before(i.gone) {
			c.left(i)
		}
		if i.next != "" && !now.Before(i.busy) {
			i.Props["version"], i.next = i.next, ""
			if i.release != "" {
				i.Props["release"] = i.release
			}
		}
	}
	c.items = slices.DeleteFunc(c.items, func(i *Item) bool { return i.deleting && !now.Before(i.gone) })
}

// left is what remains of something that is gone: the network interfaces of nodes' pods, volumes, and the cluster's group if
// an interface is in it. The interfaces of load balancers go some time after them.
func (c *Cloud) left(i *Item) {
	for _, other := range c.items {
		switch {
		case other.Props["Owner"] != i.ID || other.deleting:
		case i.Kind == "nodegroup" && other.Kind == "interface", i.Kind == "cluster" && other.Kind == "volume":
			other.Props["status"] = "available"
		case i.Kind == "cluster" && other.Kind == "group" && c.user(other.ID) == nil:
			other.deleting, other.gone = true, time.Now()
		case (i.Kind == "balancer" || i.Kind == "classic") && other.Kind == "interface":
			other.deleting, other.gone = true, time.Now().Add(c.Going["interface"])
		}
	}
}

// insert adds something new, or gives back what its token made before.
func (c *Cloud) insert(i Item) *Item {
	for _, there := range c.items {
		if there.Kind == i.Kind && i.token != "" && there.token == i.token && !there.deleting {
			return there
		}
	}
	c.next++
	if i.ID == "" {
		i.ID = fmt.Sprintf("%s-%05d", i.Kind, c.next)
	}
	if i.Props == nil {
		i.Props = map[string]string{}
	}
	i.made = time.Now()
	i.ready = i.made.Add(c.Making[i.Kind])
	c.items = append(c.items, &i)
	return &i
}

// Put adds something that was there before, or that somebody else made.
func (c *Cloud) Put(i Item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := c.insert(i)
	there.made, there.ready = time.Time{}, time.Time{}
	if i.Kind == "bucket" {
		c.objects[i.ID] = map[string]object{"precious": {text: "x", etag: "1"}}
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

// get is what has that ID and can be seen.
func (c *Cloud) get(kind, id string) *Item {
	for _, i := range c.all(kind) {
		if i.ID == id && c.visible(i) {
			return i
		}
	}
	return nil
}

func (c *Cloud) visible(i *Item) bool { return time.Since(i.made) >= c.Lag }

func (i *Item) pending() bool { return time.Now().Before(i.ready) }

// remove begins the end of something.
func (c *Cloud) remove(i *Item) {
	if !i.deleting {
		c.ghosts = append(c.ghosts, i)
		i.deleting, i.gone = true, time.Now().Add(c.Going[i.Kind])
	}
	c.settle()
}

// user is something that refers to an ID; nil when nothing does.
func (c *Cloud) user(id string, except ...string) *Item {
	for _, i := range c.items {
		if slices.Contains(except, i.Kind) {
			continue
		}
		for _, value := range i.Props {
			if slices.Contains(strings.Split(value, ","), id) {
				return i
			}
		}
	}
	return nil
}

func escape(text string) string {
	if !strings.ContainsAny(text, "&<>") {
		return text
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}
