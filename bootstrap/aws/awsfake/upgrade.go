package awsfake

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// upgradeAction is the name of a call about versions and updates; empty for others.
func upgradeAction(method string, path []string) string {
	last := path[len(path)-1]
	switch {
	case path[0] == "cluster-versions":
		return "DescribeClusterVersions"
	case path[0] == "addons":
		return "DescribeAddonVersions"
	case len(path) < 3:
		return ""
	case last == "insights":
		return "ListInsights"
	case method == http.MethodGet && path[2] == "updates":
		return "DescribeUpdate"
	case last == "update-config" && len(path) == 3:
		return "UpdateClusterConfig"
	case last == "updates":
		return "UpdateClusterVersion"
	case last == "update-version":
		return "UpdateNodegroupVersion"
	case last == "update" && path[2] == "addons":
		return "UpdateAddon"
	}
	return ""
}

// addons are the versions of an add-on for a version of Kubernetes, the default first. kube-proxy has one for each, CoreDNS
// another one from 1.36 on, and the others fit all.
func addons(addon, kubernetes string) []string {
	switch {
	case addon == "kube-proxy":
		return []string{"v" + kubernetes + ".2-eksbuild.1", "v" + kubernetes + ".0-eksbuild.1"}
	case addon == "coredns" && kubernetes >= "1.36":
		return []string{"v1.12.1-eksbuild.1"}
	case addon == "coredns":
		return []string{"v1.11.4-eksbuild.1"}
	}
	return []string{"v1.0.0-eksbuild.1"}
}

func (c *Cloud) addonVersions(k *call) {
	addon, kubernetes := k.request.URL.Query().Get("addonName"), k.request.URL.Query().Get("kubernetesVersion")
	versions := []any{}
	for n, version := range addons(addon, kubernetes) {
		fits := map[string]any{"clusterVersion": kubernetes, "defaultVersion": n == 0}
		versions = append(versions, map[string]any{"addonVersion": version, "compatibilities": []any{fits}})
	}
	k.json(map[string]any{"addons": []any{map[string]any{"addonName": addon, "addonVersions": versions}}})
}

// newest is the version that a part of a cluster is made in.
func (*Cloud) newest(cluster *Item, kind, name string) string {
	switch kind {
	case "addon":
		return addons(name, cluster.Props["version"])[0]
	case "nodegroup":
		return cluster.Props["version"]
	}
	return ""
}

// released is the release that a call asks for, and the newest one of the version where it asks for none.
func (c *Cloud) released(version string, body map[string]any) string {
	if release, _ := body["releaseVersion"].(string); release != "" {
		return release
	}
	return cmp.Or(c.Releases[version], version+".1-20260701")
}

// serveParameters knows where AWS publishes the releases of images.
func (c *Cloud) serveParameters(k *call) {
	_, name, _ := strings.Cut(k.request.Header.Get("X-Amz-Target"), ".")
	if !c.begin(k, name) {
		return
	}
	var given struct{ Name string }
	path := regexp.MustCompile(`^/aws/service/eks/optimized-ami/([0-9.]+)/amazon-linux-2023/arm64/standard/recommended/release_version$`)
	if err := json.Unmarshal(k.body, &given); err != nil || !path.MatchString(given.Name) {
		k.fail(http.StatusBadRequest, "ParameterNotFound", given.Name)
		return
	}
	k.json(map[string]any{"Parameter": map[string]any{"Name": given.Name, "Value": c.released(path.FindStringSubmatch(given.Name)[1], nil)}})
}

// upgrade answers calls about versions and updates; it is false for others.
func (c *Cloud) upgrade(k *call, name string, i *Item, body map[string]any) bool {
	version := fmt.Sprint(body["version"])
	switch name {
	case "ListInsights":
		list := []any{}
		for about, status := range c.Insights {
			list = append(list, map[string]any{"name": about, "insightStatus": map[string]any{"status": status}})
		}
		k.json(map[string]any{"insights": list})
		return true
	case "DescribeUpdate":
		k.json(map[string]any{"update": map[string]any{"status": "Failed", "errors": []any{
			map[string]any{"errorCode": "PodEvictionFailure", "errorMessage": "Reached max retries while trying to evict pods from nodes"},
		}}})
		return true
	case "UpdateClusterVersion":
		if !follows(i.Props["version"], version) {
			k.fail(http.StatusBadRequest, "InvalidParameterException", "Unsupported Kubernetes minor version update from "+i.Props["version"]+" to "+version)
			return true
		}
	case "UpdateNodegroupVersion":
		if !c.upgradeNodes(k, i, version, body) {
			return true
		}
	case "UpdateClusterConfig":
		network, _ := body["resourcesVpcConfig"].(map[string]any)
		if i.status() == "ACTIVE" {
			i.Props["access"] = access(network)
		}
		version = i.Props["version"]
	case "UpdateAddon":
		version = fmt.Sprint(body["addonVersion"])
	default:
		return false
	}
	if i.status() != "ACTIVE" {
		k.fail(http.StatusConflict, "ResourceInUseException", "it is in "+i.status()+" state")
		return true
	}
	i.next, i.busy = version, time.Now().Add(c.Making[i.Kind])
	if c.Stuck[i.ID] {
		i.next, i.release = i.Props["version"], i.Props["release"]
	}
	k.json(map[string]any{"update": map[string]any{"id": "update-" + i.ID, "status": "InProgress"}})
	return true
}

// upgradeNodes refuses nodes that are ahead of the cluster, and a release that is older, or of another version.
func (c *Cloud) upgradeNodes(k *call, i *Item, version string, body map[string]any) bool {
	cluster, release := c.get("cluster", i.Props["cluster"]), c.released(version, body)
	switch {
	case cluster == nil || cluster.Props["version"] != version || c.tooOld(i):
		k.fail(http.StatusBadRequest, "InvalidParameterException", "the control plane and the add-ons are not at "+version)
		return false
	case !strings.HasPrefix(release, version+".") || i.Props["version"] == version && release < i.Props["release"]:
		k.fail(http.StatusBadRequest, "InvalidParameterException", "Requested release version "+release+" is not valid for kubernetes version "+version)
		return false
	}
	i.release = release
	return true
}

// tooOld says that an add-on does not fit the cluster, or that another zone's nodes are away: no careful operator would
// replace nodes then. EKS itself would not mind.
func (c *Cloud) tooOld(group *Item) bool {
	for _, i := range c.items {
		if i.Kind == "nodegroup" && i != group && i.status() == "UPDATING" {
			return true
		}
		if i.Kind == "addon" && i.ID == "kube-proxy" && !strings.HasPrefix(i.Props["version"], "v"+c.get("cluster", i.Props["cluster"]).Props["version"]) {
			return true
		}
	}
	return false
}

// follows says that one minor version is the next after another.
func follows(have, want string) bool {
	var from, to int
	_, err := fmt.Sscanf(have+" "+want, "1.%d 1.%d", &from, &to)
	return err == nil && to == from+1
}

// Has says whether something is there.
func (c *Cloud) Has(kind, id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	return slices.ContainsFunc(c.all(kind), func(i *Item) bool { return i.ID == id })
}

// Leak adds an interface that nothing uses to the group that EKS made for the cluster.
func (c *Cloud) Leak(description string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, group := range c.all("group") {
		if group.Tags["aws:eks:cluster-name"] != "" {
			c.insert(Item{Kind: "interface", Tags: map[string]string{}, Props: map[string]string{
				"VpcId": group.Props["VpcId"], "GroupId": group.ID, "status": "available", "description": description,
			}})
			return
		}
	}
}

// Property is a property of something; empty where there is none.
func (c *Cloud) Property(kind, id, property string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settle()
	for _, i := range c.all(kind) {
		if i.ID == id {
			return i.Props[property]
		}
	}
	return ""
}

// Tag sets a tag, as somebody else would have.
func (c *Cloud) Tag(kind, id, key, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.all(kind) {
		if i.ID == id {
			i.Tags[key] = value
		}
	}
}

// Change sets a property, as somebody else would have.
func (c *Cloud) Change(kind, id, property, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.all(kind) {
		if i.ID == id {
			i.Props[property] = value
		}
	}
}
