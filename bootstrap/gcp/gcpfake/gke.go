package gcpfake

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Version is the control plane's when a cluster asks for a minor version.
const patch = ".2-gke.1010"

// serveContainer understands /v1/projects/P/locations/R/(serverConfig|operations/O|clusters[/C[/nodePools[/N]]]).
func (c *Cloud) serveContainer(k *call) {
	path, verb := k.path[1:], ""
	path[len(path)-1], verb, _ = strings.Cut(path[len(path)-1], ":")
	location := strings.Join(path[:4], "/")
	if location == "projects/"+c.Project+"/locations/-" && len(path) == 5 && path[4] == "clusters" {
		c.listClusters(k)
		return
	}
	if location != "projects/"+c.Project+"/locations/"+c.Region {
		k.notFound(location)
		return
	}
	switch rest := path[4:]; {
	case rest[0] == "serverConfig":
		if c.begin(k, "getServerConfig") {
			k.answer(map[string]any{"channels": []any{
				map[string]any{"channel": "RAPID", "validVersions": []any{"1.37.1-gke.1"}},
				map[string]any{"channel": "REGULAR", "validVersions": []any{"1.36" + patch, "1.35" + patch, "1.34" + patch}},
			}})
		}
	case rest[0] == "operations":
		c.clusterOperation(k, rest[1])
	case len(rest) == 1:
		c.createCluster(k, location)
	case len(rest) == 2:
		c.serveCluster(k, location+"/clusters/"+rest[1])
	case len(rest) == 3 && k.request.Method == http.MethodGet:
		c.listPools(k, location+"/clusters/"+rest[1])
	case len(rest) == 3:
		c.createPool(k, location+"/clusters/"+rest[1])
	default:
		c.servePool(k, location+"/clusters/"+rest[1]+"/nodePools/"+rest[3], verb)
	}
}

func (c *Cloud) clusterOperation(k *call, name string) {
	if !c.begin(k, "operations.get") {
		return
	}
	op, there := c.operations[name]
	if !there {
		k.notFound(name)
		return
	}
	answer := map[string]any{"name": name, "status": "RUNNING"}
	if !time.Now().Before(op.done) {
		answer["status"] = "DONE"
		if op.code != "" {
			answer["error"] = map[string]any{"code": 8, "message": op.message}
		}
	}
	k.answer(answer)
}

func (c *Cloud) began(k *call, takes time.Duration) {
	k.answer(map[string]any{"name": c.operation(takes, ""), "status": "RUNNING"})
}

func (k *call) invalid(format string, a ...any) {
	k.fail(http.StatusBadRequest, "INVALID_ARGUMENT", fmt.Sprintf(format, a...))
}

func (c *Cloud) createCluster(k *call, location string) {
	body, _ := k.body["cluster"].(map[string]any)
	id := location + "/clusters/" + text(body["name"])
	if !c.begin(k, "clusters.create") || !c.clusterFits(k, body) {
		return
	}
	if c.there(id) != nil {
		k.exists(id)
		return
	}
	i := c.insert("clusters", id, with(body, "currentMasterVersion", text(body["initialClusterVersion"])+patch))
	i.ready = i.made.Add(c.Making["clusters"] + c.Making["nodePools"])
	i.failed = c.BrokenCluster
	pools, _ := body["nodePools"].([]any)
	delete(i.Body, "nodePools")
	for _, pool := range pools {
		if p, ok := pool.(map[string]any); ok {
			c.addPool(id, p, text(i.Body["currentMasterVersion"])).ready = i.ready
		}
	}
	c.began(k, time.Until(i.ready))
}

// clusterFits checks what GKE looks at before it begins.
func (c *Cloud) clusterFits(k *call, body map[string]any) bool {
	compute := "projects/" + c.Project
	subnet := c.get(compute + "/regions/" + c.Region + "/subnetworks/" + text(body["subnetwork"]))
	network := c.get(compute + "/global/networks/" + text(body["network"]))
	for _, i := range []*Item{network, subnet} {
		if i == nil || i.pending() || i.deleting {
			k.invalid("Network or subnetwork %q is not found.", text(body["network"]))
			return false
		}
	}
	ranges := fmt.Sprint(subnet.Body["secondaryIpRanges"])
	for _, field := range []string{"clusterSecondaryRangeName", "servicesSecondaryRangeName"} {
		if name := text(under(body, "ipAllocationPolicy", field)); name == "" || !strings.Contains(ranges, "rangeName:"+name) {
			k.invalid("Pod secondary range %q not found in subnet.", name)
			return false
		}
	}
	if text(under(body, "workloadIdentityConfig", "workloadPool")) != c.Project+".svc.id.goog" {
		k.invalid("the workload pool must be that of the project")
		return false
	}
	pools, _ := body["nodePools"].([]any)
	if len(pools) == 0 {
		k.invalid("Cluster.initial_node_count must be greater than zero.")
		return false
	}
	for _, pool := range pools {
		if p, ok := pool.(map[string]any); !ok || !c.poolFits(k, p) {
			return false
		}
	}
	key := text(under(body, "databaseEncryption", "keyName"))
	agent := "serviceAccount:service-" + c.Number + "@container-engine-robot.iam.gserviceaccount.com"
	if !c.usable(key) || !c.allowed(key, "roles/cloudkms.cryptoKeyEncrypterDecrypter", agent) {
		k.invalid("Permission 'cloudkms.cryptoKeyVersions.useToEncrypt' denied on resource '%s' (or it may not exist).", key)
		return false
	}
	return true
}

func (c *Cloud) poolFits(k *call, pool map[string]any) bool {
	zones, _ := pool["locations"].([]any)
	for _, zone := range zones {
		if !slices.Contains(c.zoneNames(), text(zone)) {
			k.invalid("%v is not a zone of %s", zone, c.Region)
			return false
		}
	}
	address := text(under(pool, "config", "serviceAccount"))
	account := c.get("projects/" + c.Project + "/serviceAccounts/" + address)
	if account == nil || time.Since(account.made) < c.RightsLag {
		k.invalid("Service account %q does not exist.", address)
		return false
	}
	return true
}

func (c *Cloud) addPool(cluster string, pool map[string]any, version string) *Item {
	i := c.insert("nodePools", cluster+"/nodePools/"+text(pool["name"]), with(pool, "version", version))
	i.failed = c.Broken[text(pool["name"])]
	return i
}

func (i *Item) status() string {
	switch {
	case i.deleting:
		return "STOPPING"
	case i.failed && !i.pending():
		return "ERROR"
	case i.pending() && i.spawned:
		return "RECONCILING"
	case i.pending():
		return "PROVISIONING"
	}
	return "RUNNING"
}

// described is a cluster or pool as it is shown.
func (c *Cloud) described(i *Item) map[string]any {
	body := with(i.Body, "status", i.status())
	if i.failed && !i.pending() {
		body["conditions"] = []any{map[string]any{"code": "GCE_STOCKOUT", "message": "The zone does not have enough resources available to fulfill the request."}}
	}
	if i.Kind == "clusters" {
		body["name"], body["location"], body["id"] = last(i.ID), strings.Split(i.ID, "/")[3], "1a2b3c4d5e6f"
		if strings.Split(i.ID, "/")[3] != c.Region {
			body["id"] = "5e6f7a8b9c0d"
		}
		body["createTime"] = i.made.UTC().Format(time.RFC3339)
		body["masterAuth"] = map[string]any{"clusterCaCertificate": base64.StdEncoding.EncodeToString([]byte("authority"))}
		if !i.pending() {
			c.describeEndpoints(i, body)
		}
	}
	return body
}

// busy refuses a change of a cluster on which another one is under way.
func (c *Cloud) busy(k *call, cluster string, except string) bool {
	for _, i := range c.items {
		mine := i.ID == cluster || strings.HasPrefix(i.ID, cluster+"/nodePools/") && i.ID != except
		if mine && (i.deleting || i.pending()) {
			k.fail(http.StatusBadRequest, "FAILED_PRECONDITION", "Cluster is running incompatible operation operation-1.")
			return true
		}
	}
	return false
}

func (c *Cloud) serveCluster(k *call, id string) {
	method := map[string]string{http.MethodGet: "get", http.MethodDelete: "delete", http.MethodPut: "update"}[k.request.Method]
	if !c.begin(k, "clusters."+method) {
		return
	}
	i := c.get(id)
	if i == nil {
		k.notFound(id)
		return
	}
	switch method {
	case "get":
		k.answer(c.described(i))
	case "delete":
		if c.busy(k, id, "") {
			return
		}
		for _, pool := range c.all("nodePools") {
			if strings.HasPrefix(pool.ID, id+"/") {
				pool.deleting, pool.gone = true, time.Now().Add(c.Going["clusters"])
			}
		}
		c.remove(i)
		c.began(k, c.Going["clusters"])
	default:
		if c.busy(k, id, "") {
			return
		}
		if endpoint := under(k.body, "update", "desiredControlPlaneEndpointsConfig"); endpoint != nil {
			i.Body = with(i.Body, "controlPlaneEndpointsConfig", endpoint)
		} else {
			i.Body = with(i.Body, "currentMasterVersion", text(under(k.body, "update", "desiredMasterVersion"))+patch)
		}
		i.ready = time.Now().Add(c.Making["clusters"] / 2)
		c.began(k, time.Until(i.ready))
	}
}

func (c *Cloud) createPool(k *call, cluster string) {
	if !c.begin(k, "nodePools.create") {
		return
	}
	there := c.get(cluster)
	pool, _ := k.body["nodePool"].(map[string]any)
	switch id := cluster + "/nodePools/" + text(pool["name"]); {
	case there == nil:
		k.notFound(cluster)
	case c.there(id) != nil:
		k.exists(id)
	case there.pending() || there.deleting:
		k.fail(http.StatusBadRequest, "FAILED_PRECONDITION", "Cluster is running incompatible operation operation-1.")
	case c.poolFits(k, pool):
		i := c.addPool(cluster, pool, text(there.Body["currentMasterVersion"]))
		c.began(k, time.Until(i.ready))
	}
}

func (c *Cloud) listPools(k *call, cluster string) {
	if !c.begin(k, "nodePools.list") {
		return
	}
	list := []any{}
	for _, i := range c.all("nodePools") {
		if strings.HasPrefix(i.ID, cluster+"/") && c.visible(i) {
			list = append(list, c.described(i))
		}
	}
	k.answer(map[string]any{"nodePools": list})
}

func (c *Cloud) servePool(k *call, id, verb string) {
	method := map[string]string{http.MethodGet: "get", http.MethodDelete: "delete", http.MethodPut: "update", http.MethodPost: verb}[k.request.Method]
	if !c.begin(k, "nodePools."+method) {
		return
	}
	i := c.get(id)
	if i == nil {
		k.notFound(id)
		return
	}
	if method == "get" {
		k.answer(c.described(i))
		return
	}
	if c.busy(k, id[:strings.Index(id, "/nodePools/")], "") {
		return
	}
	takes := time.Second
	switch method {
	case "delete":
		c.remove(i)
		takes = c.Going["nodePools"]
	case "setAutoscaling":
		i.Body = with(i.Body, "autoscaling", k.body["autoscaling"])
	default:
		i.Body = with(i.Body, "version", text(k.body["nodeVersion"]))
		takes = c.Making["nodePools"]
		i.ready, i.spawned = time.Now().Add(takes), true
	}
	c.began(k, takes)
}

// clusterParts are what a cluster uses of the network.
func (c *Cloud) clusterParts(i *Item) []string {
	if i.Kind != "clusters" {
		return nil
	}
	compute := "projects/" + c.Project
	return []string{compute + "/global/networks/" + text(i.Body["network"]), compute + "/regions/" + c.Region + "/subnetworks/" + text(i.Body["subnetwork"])}
}

// left is what goes with something that is gone.
func (c *Cloud) left(i *Item) {
	switch i.Kind {
	case "clusters":
		prefix := "projects/" + c.Project + "/global/firewalls/gke-" + last(i.ID) + "-1a2b3c4d-"
		for _, rule := range c.all("firewalls") {
			if strings.HasPrefix(rule.ID, prefix) {
				c.items = slices.DeleteFunc(c.items, func(other *Item) bool { return other == rule })
			}
		}
	case "serviceAccounts":
		c.forget("serviceAccount:" + last(i.ID))
	case "buckets":
		c.held[i.ID] = time.Now().Add(c.Held)
		delete(c.objects, i.ID)
	}
}

// kubernetes is what Kubernetes and its controllers make by themselves, and leave: the parts of a load balancer, a volume's
// disk, and records.
func (c *Cloud) kubernetes(cluster *Item) {
	project := "projects/" + c.Project
	network := "https://www.googleapis.com/compute/v1/" + project + "/global/networks/" + text(cluster.Body["network"])
	region, zone := project+"/regions/"+c.Region, project+"/zones/"+c.Region+"-a"
	const name = "k8s2-abcd1234-proxy-front-door-x1y2z3"
	put := func(scope, kind, name string, body map[string]any) string {
		id := scope + "/" + kind + "/" + name
		if c.there(id) == nil {
			body["name"] = name
			i := c.insert(kind, id, body)
			i.ready = i.made
		}
		return "https://www.googleapis.com/compute/v1/" + id
	}
	nodes := []any{"gke-" + last(cluster.ID) + "-1a2b3c4d-node"}
	for _, rule := range []string{"gke-" + last(cluster.ID) + "-1a2b3c4d-all", name, "k8s2-abcd1234-l4-shared-hc-fw"} {
		put(project+"/global", "firewalls", rule, map[string]any{"network": network, "targetTags": nodes})
	}
	check := put(region, "healthChecks", "k8s2-abcd1234-l4-shared-hc", map[string]any{})
	group := put(zone, "networkEndpointGroups", name, map[string]any{"network": network})
	service := put(region, "backendServices", name, map[string]any{"healthChecks": []any{check}, "backends": []any{map[string]any{"group": group}}})
	put(region, "forwardingRules", "k8s2-tcp-abcd1234-proxy-front-door-x1y2z3", map[string]any{"backendService": service})
	marks := map[string]any{"goog-gke-volume": ""}
	if under(cluster.Body, "costManagementConfig", "enabled") == true {
		marks["goog-k8s-cluster-name"], marks["goog-k8s-cluster-location"] = last(cluster.ID), c.Region
	}
	put(zone, "disks", "pvc-0001", map[string]any{"sizeGb": "10", "labels": marks})
	for _, zone := range c.all("managedZones") {
		c.writeRecords(zone)
	}
}
