package awsfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

func (c *Cloud) servePart(k *call, name string, path []string, body map[string]any) {
	cluster := c.get("cluster", path[1])
	if cluster == nil {
		k.fail(http.StatusNotFound, "ResourceNotFoundException", "No cluster found for name: "+path[1])
		return
	}
	kind, element, nameField := kinds(path[2])
	kind = map[string]string{"association": "podidentity"}[kind] + map[bool]string{true: kind}[kind != "association"]
	if strings.HasPrefix(name, "Create") {
		c.createPart(k, cluster, kind, element, nameField, body)
		return
	}
	if strings.HasPrefix(name, "List") {
		list := []any{}
		for _, i := range c.all(kind) {
			query := k.request.URL.Query()
			if c.visible(i) && i.Props["namespace"] == query.Get("namespace") && i.Props["serviceAccount"] == query.Get("serviceAccount") {
				list = append(list, part(i))
			}
		}
		k.json(map[string]any{"associations": list})
		return
	}
	i := c.get(kind, path[3])
	if i == nil {
		k.fail(http.StatusNotFound, "ResourceNotFoundException", "there is no "+kind+" "+path[3])
		return
	}
	if c.upgrade(k, name, i, body) {
		return
	}
	switch {
	case strings.HasPrefix(name, "Delete"):
		c.remove(i)
	case name == "UpdateNodegroupConfig":
		if !scale(k, i, body) {
			return
		}
	case name == "UpdatePodIdentityAssociation":
		i.Props["role"] = fmt.Sprint(body["roleArn"])
	}
	k.json(map[string]any{element: part(i)})
}

// scale sets the bounds of a group and how many nodes it has. What is not said stays, and what does not fit is refused.
func scale(k *call, group *Item, body map[string]any) bool {
	scaling, _ := body["scalingConfig"].(map[string]any)
	next := map[string]int{}
	for name := range scalingFields() {
		next[name], _ = strconv.Atoi(group.Props[name])
		if value, said := scaling[name].(float64); said {
			next[name] = int(value)
		}
	}
	if next["minSize"] > next["desiredSize"] || next["desiredSize"] > next["maxSize"] {
		k.fail(http.StatusBadRequest, "InvalidParameterException", fmt.Sprintf("desired capacity %d must be between min size %d and max size %d",
			next["desiredSize"], next["minSize"], next["maxSize"]))
		return false
	}
	for name, value := range next {
		group.Props[name] = strconv.Itoa(value)
	}
	return true
}

func scalingFields() map[string]bool {
	return map[string]bool{"minSize": true, "desiredSize": true, "maxSize": true}
}

// part is how a part of a cluster is described.
func part(i *Item) map[string]any {
	p := map[string]any{
		"status": i.status(), "tags": i.Tags, "roleArn": i.Props["role"], "associationId": i.ID, "addonName": i.ID, "nodegroupName": i.ID,
		"version": i.Props["version"], "releaseVersion": i.Props["release"], "addonVersion": i.Props["version"], "addonArn": "arn:addon/" + i.ID,
		"nodegroupArn": "arn:nodegroup/" + i.ID, "namespace": i.Props["namespace"], "serviceAccount": i.Props["serviceAccount"],
	}
	scaling := map[string]any{}
	for name := range scalingFields() {
		if value, err := strconv.Atoi(i.Props[name]); err == nil {
			scaling[name] = value
		}
	}
	if len(scaling) > 0 {
		p["scalingConfig"] = scaling
	}
	if i.failed {
		p["health"] = map[string]any{"issues": []any{map[string]any{"code": "AsgInstanceLaunchFailures", "message": "Could not launch On-Demand Instances. InsufficientInstanceCapacity"}}}
	}
	return p
}

// unique refuses a second part of the same name, or for the same service account; what its own token made is no second one.
func (c *Cloud) unique(k *call, i Item) bool {
	for _, there := range c.all(i.Kind) {
		same := there.ID == i.ID
		if i.Kind == "podidentity" {
			same = there.Props["namespace"] == i.Props["namespace"] && there.Props["serviceAccount"] == i.Props["serviceAccount"]
		}
		if same && (there.token != i.token || there.deleting) {
			k.fail(http.StatusConflict, "ResourceInUseException", "it already exists: "+there.ID)
			return false
		}
	}
	return true
}

// roleOf is what a part of a cluster runs as; nil for none.
func roleOf(body map[string]any) any {
	for _, one := range items(body["podIdentityAssociations"]) {
		if one, ok := one.(map[string]any); ok {
			return one["roleArn"]
		}
	}
	if role := body["nodeRole"]; role != nil {
		return role
	}
	return body["roleArn"]
}

func (c *Cloud) createPart(k *call, cluster *Item, kind, element, nameField string, body map[string]any) {
	if cluster.status() != "ACTIVE" {
		k.fail(http.StatusConflict, "ResourceInUseException", "Cluster is in "+cluster.status()+" state")
		return
	}
	i := Item{Kind: kind, Tags: tagsOf(body), Props: map[string]string{"cluster": cluster.ID}}
	i.token, _ = body["clientRequestToken"].(string)
	if nameField != "" {
		i.ID = fmt.Sprint(body[nameField])
	}
	for _, field := range []string{"namespace", "serviceAccount"} {
		i.Props[field] = fmt.Sprint(body[field])
	}
	if !c.unique(k, i) {
		return
	}
	role := roleOf(body)
	if kind == "nodegroup" {
		i.Props["release"] = c.released(cluster.Props["version"], body)
		i.release = i.Props["release"]
		i.Props["subnets"] = strings.Join(words(body["subnets"]), ",")
		if !scale(k, &i, body) {
			return
		}
	}
	if role != nil && !c.assumable(k, kind, role) {
		return
	}
	if role != nil {
		i.Props["role"] = fmt.Sprint(role)
	}
	if settings, _ := body["configurationValues"].(string); settings != "" {
		i.Props["settings"] = settings
	}
	i.Props["version"] = c.newest(cluster, kind, i.ID)
	before := len(c.all(kind))
	made := c.insert(i)
	made.failed = c.Broken[made.ID]
	if kind == "nodegroup" && len(c.all(kind)) > before {
		c.kubernetes(made, cluster)
	}
	if kind == "addon" && len(c.all(kind)) > before {
		c.volume(made, cluster)
	}
	k.json(map[string]any{element: part(made)})
}

// kubernetes is what Kubernetes and its nodes make by themselves, and leave.
func (c *Cloud) kubernetes(group, cluster *Item) {
	subnet := c.get("subnet", group.Props["subnets"])
	if subnet == nil {
		return
	}
	c.insert(Item{Kind: "interface", Tags: map[string]string{"cluster.k8s.amazonaws.com/name": cluster.ID}, Props: map[string]string{
		"SubnetId": subnet.ID, "VpcId": subnet.Props["VpcId"], "status": "in-use", "Owner": group.ID, "description": "aws-K8S-" + group.ID,
	}})
	c.externalDNS(cluster.ID)
	if len(c.all("balancer")) > 0 {
		return
	}
	place := subnet // whichever group of nodes is the first: the balancer is in the same subnet
	for _, other := range c.all("subnet") {
		if other.Props["VpcId"] == place.Props["VpcId"] && other.Props["CidrBlock"]+other.ID < place.Props["CidrBlock"]+place.ID {
			place = other
		}
	}
	c.insertBalancer("k8s-proxy", place.Props["VpcId"], place.ID, map[string]string{"kubernetes.io/cluster/" + cluster.ID: "owned"})
}

// volume is one that the add-on makes for Kubernetes, with the tags that its settings ask for.
func (c *Cloud) volume(addon, cluster *Item) {
	var settings struct {
		Controller struct{ ExtraVolumeTags map[string]string }
	}
	if addon.ID != "aws-ebs-csi-driver" || json.Unmarshal([]byte(addon.Props["settings"]), &settings) != nil {
		return
	}
	tags := map[string]string{"kubernetes.io/cluster/" + cluster.ID: "owned"}
	maps.Copy(tags, settings.Controller.ExtraVolumeTags)
	c.insert(Item{Kind: "volume", Tags: tags, Props: map[string]string{"status": "in-use", "Owner": cluster.ID, "description": "pvc-1"}})
}

// Nodes are a group's least, present and most nodes: "2 3 4".
func (c *Cloud) Nodes(group string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.get("nodegroup", group)
	if i == nil {
		return ""
	}
	return i.Props["minSize"] + " " + i.Props["desiredSize"] + " " + i.Props["maxSize"]
}
