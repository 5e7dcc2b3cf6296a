package awsfake

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// kinds are the parts of a cluster by their path.
func kinds(path string) (kind, element, nameField string) {
	switch path {
	case "node-groups":
		return "nodegroup", "nodegroup", "nodegroupName"
	case "addons":
		return "addon", "addon", "addonName"
	}
	return "association", "association", ""
}

func (c *Cloud) serveEKS(k *call) {
	path := strings.Split(strings.Trim(k.request.URL.EscapedPath(), "/"), "/")
	for i := range path {
		if plain, err := url.PathUnescape(path[i]); err == nil {
			path[i] = plain
		}
	}
	name := eksAction(k.request.Method, path)
	if name == "" {
		k.fail(http.StatusBadRequest, "UnknownOperationException", k.request.Method+" "+k.request.URL.Path)
		return
	}
	if !c.begin(k, name) {
		return
	}
	body := map[string]any{}
	if len(k.body) > 0 && json.Unmarshal(k.body, &body) != nil {
		return
	}
	switch {
	case name == "ListClusters":
		names := []string{}
		for _, i := range c.all("cluster") {
			names = append(names, i.ID)
		}
		k.json(map[string]any{"clusters": names})
	case name == "DescribeAddonVersions":
		c.addonVersions(k)
	case name == "DescribeClusterVersions":
		k.json(map[string]any{"clusterVersions": []map[string]any{
			{"clusterVersion": "1.33", "versionStatus": "EXTENDED_SUPPORT"},
			{"clusterVersion": "1.34", "versionStatus": "STANDARD_SUPPORT"},
			{"clusterVersion": "1.35", "versionStatus": "STANDARD_SUPPORT"},
			{"clusterVersion": "1.36", "versionStatus": "STANDARD_SUPPORT"},
		}})
	case len(path) <= 2 && path[0] == "clusters", name == "UpdateClusterVersion", name == "UpdateClusterConfig", name == "ListInsights", name == "DescribeUpdate":
		c.serveCluster(k, name, path, body)
	default:
		c.servePart(k, name, path, body)
	}
}

func eksAction(method string, path []string) string {
	if name := upgradeAction(method, path); name != "" || path[0] != "clusters" {
		return name
	}
	noun := "Cluster"
	if len(path) > 2 {
		noun = map[string]string{"node-groups": "Nodegroup", "addons": "Addon", "pod-identity-associations": "PodIdentityAssociation"}[path[2]]
	}
	single := len(path)%2 == 0
	switch {
	case noun == "":
		return ""
	case method == http.MethodPost && len(path) == 5:
		return "UpdateNodegroupConfig"
	case method == http.MethodPost && single:
		return "Update" + noun
	case method == http.MethodPost:
		return "Create" + noun
	case method == http.MethodGet && single:
		return "Describe" + noun
	case method == http.MethodGet:
		return "List" + noun + "s"
	case method == http.MethodDelete:
		return "Delete" + noun
	}
	return ""
}

func (k *call) json(value any) {
	text, err := json.Marshal(value)
	if err != nil {
		k.fail(http.StatusInternalServerError, "ServerException", err.Error())
		return
	}
	k.write(http.StatusOK, "application/json", string(text))
}

func (i *Item) status() string {
	switch {
	case i.deleting:
		return "DELETING"
	case i.next != "":
		return "UPDATING"
	case i.failed && !i.pending():
		return "CREATE_FAILED"
	case i.pending():
		return "CREATING"
	}
	return "ACTIVE"
}

// assumable refuses a role that was just made, as EKS does for some seconds, in other words for each kind of thing. In the
// first half of the time, there is no such role; then its trust is not known.
func (c *Cloud) assumable(k *call, kind string, arn any) bool {
	text, _ := arn.(string)
	_, name, _ := strings.Cut(text, "role/")
	role := c.get("role", name)
	if role != nil && time.Since(role.made) >= c.RoleLag {
		return true
	}
	words := map[string]string{
		"nodegroup": "The role with name " + name + " cannot be found.", "podidentity": "Role provided in the request does not exist.",
		"addon": "Role provided in the request does not exist.",
	}[kind]
	switch known := role != nil && time.Since(role.made) >= c.RoleLag/2; {
	case kind == "podidentity" && known:
		words = "Trust policy of the role provided is invalid."
	case kind == "nodegroup" && known:
		words = "The provided role doesn't have the Amazon EKS Managed Policies associated with it."
	case kind == "cluster":
		words = "Role with arn: " + text + ", could not be assumed because it does not exist or the trusted entity is not correct"
	}
	k.fail(http.StatusBadRequest, "InvalidParameterException", words)
	return false
}

func (c *Cloud) serveCluster(k *call, name string, path []string, body map[string]any) {
	if name == "CreateCluster" {
		c.createCluster(k, body)
		return
	}
	cluster := c.get("cluster", path[1])
	if cluster == nil {
		k.fail(http.StatusNotFound, "ResourceNotFoundException", "No cluster found for name: "+path[1])
		return
	}
	if c.upgrade(k, name, cluster, body) {
		return
	}
	if name == "DeleteCluster" {
		if len(c.all("nodegroup")) > 0 {
			k.fail(http.StatusConflict, "ResourceInUseException", "Cluster has nodegroups attached")
			return
		}
		c.remove(cluster)
		for _, kind := range []string{"addon", "association"} {
			for _, part := range c.all(kind) {
				if part.Props["cluster"] == cluster.ID {
					c.remove(part)
				}
			}
		}
	}
	k.json(map[string]any{"cluster": map[string]any{
		"name": cluster.ID, "status": cluster.status(), "tags": cluster.Tags, "version": cluster.Props["version"],
		"resourcesVpcConfig": map[string]any{
			"vpcId": cluster.Props["vpc"], "endpointPublicAccess": cluster.Props["access"] != "", "publicAccessCidrs": strings.Fields(cluster.Props["access"]),
		},
		"endpoint": "https://cluster.example.com", "certificateAuthority": map[string]any{"data": base64.StdEncoding.EncodeToString([]byte("authority"))},
	}})
}

func (c *Cloud) createCluster(k *call, body map[string]any) {
	if key := keyOf(body); c.key(key) == nil || time.Since(c.key(key).made) < c.RoleLag/2 {
		k.fail(http.StatusBadRequest, "InvalidParameterException", "The KMS key "+key+" does not exist.")
		return
	}
	if !c.assumable(k, "cluster", body["roleArn"]) {
		return
	}
	name, _ := body["name"].(string)
	token, _ := body["clientRequestToken"].(string)
	for _, there := range c.all("cluster") {
		if there.ID == name && there.token != token {
			k.fail(http.StatusConflict, "ResourceInUseException", "Cluster already exists with name: "+name)
			return
		}
	}
	network, _ := body["resourcesVpcConfig"].(map[string]any)
	subnets := words(network["subnetIds"])
	vpc := ""
	for _, id := range subnets {
		subnet := c.get("subnet", id)
		if subnet == nil {
			k.fail(http.StatusBadRequest, "InvalidParameterException", "The subnet ID '"+id+"' does not exist")
			return
		}
		vpc = subnet.Props["VpcId"]
	}
	known := len(c.all("cluster"))
	i := c.insert(Item{Kind: "cluster", ID: name, token: token, Tags: tagsOf(body), Props: map[string]string{
		"version": fmt.Sprint(body["version"]), "subnets": strings.Join(subnets, ","), "role": fmt.Sprint(body["roleArn"]),
		"vpc": vpc, "access": access(network), "key": keyOf(body),
	}})
	if len(c.all("cluster")) > known {
		c.insert(Item{
			Kind: "group", Tags: map[string]string{"aws:eks:cluster-name": name, "kubernetes.io/cluster/" + name: "owned"},
			Props: map[string]string{"VpcId": vpc, "Owner": name, "description": "EKS created security group"},
		})
	}
	k.json(map[string]any{"cluster": map[string]any{"name": i.ID, "status": i.status()}})
}

// access are the blocks that reach the public endpoint; empty without one.
func access(network map[string]any) string {
	if network["endpointPublicAccess"] != true {
		return ""
	}
	return cmp.Or(strings.Join(words(network["publicAccessCidrs"]), " "), "0.0.0.0/0")
}

// keyOf is the key for Secrets.
func keyOf(body map[string]any) string {
	for _, config := range items(body["encryptionConfig"]) {
		if by, ok := config.(map[string]any)["provider"].(map[string]any); ok {
			return fmt.Sprint(by["keyArn"])
		}
	}
	return ""
}

func items(list any) []any {
	all, _ := list.([]any)
	return all
}

func words(list any) []string {
	var all []string
	items, _ := list.([]any)
	for _, item := range items {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

func tagsOf(body map[string]any) map[string]string {
	tags := map[string]string{}
	given, _ := body["tags"].(map[string]any)
	for key, value := range given {
		tags[key] = fmt.Sprint(value)
	}
	return tags
}
