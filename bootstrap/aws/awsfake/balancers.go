package awsfake

import (
	"fmt"
	"net/http"
	"strings"
)

// serveBalancers are two services of one name: the older one, which is asked with names, and the newer one with ARNs.
func (c *Cloud) serveBalancers(k *call) {
	name := k.form.Get("Action")
	kind := "classic"
	if k.form.Get("Version") == "2015-12-01" {
		k.service, kind = "elasticloadbalancingv2", "balancer"
	}
	if !c.begin(k, name) {
		return
	}
	switch {
	case name == "DescribeLoadBalancers" && kind == "classic":
		k.result("<LoadBalancerDescriptions>" + c.balancersXML(kind, "LoadBalancerName", "VPCId") + "</LoadBalancerDescriptions>")
	case name == "DescribeLoadBalancers":
		k.result("<LoadBalancers>" + c.balancersXML(kind, "LoadBalancerArn", "VpcId") + "</LoadBalancers>")
	case name == "DescribeTargetGroups" && kind == "balancer":
		k.result("<TargetGroups>" + c.balancersXML("targets", "TargetGroupArn", "VpcId") + "</TargetGroups>")
	case name == "DescribeTags" && kind == "classic":
		c.balancerTags(k, "LoadBalancerNames", "LoadBalancerName")
	case name == "DescribeTags":
		c.balancerTags(k, "ResourceArns", "ResourceArn")
	case name == "DeleteLoadBalancer":
		c.deleteBalancer(k, c.balancer(k.form.Get("LoadBalancerArn")+k.form.Get("LoadBalancerName")))
	case name == "DeleteTargetGroup" && kind == "balancer":
		c.deleteTargets(k, c.balancer(k.form.Get("TargetGroupArn")))
	default:
		k.fail(http.StatusBadRequest, "InvalidAction", "there is no action "+name)
	}
}

// handle is what calls say for a balancer or a target group.
func (c *Cloud) handle(i *Item) string {
	if i.Kind == "classic" {
		return i.ID
	}
	return c.arn(i)
}

// balancer is what a handle is of; nil when there is none.
func (c *Cloud) balancer(handle string) *Item {
	for _, kind := range []string{"balancer", "targets", "classic"} {
		for _, i := range c.all(kind) {
			if c.handle(i) == handle && c.visible(i) {
				return i
			}
		}
	}
	return nil
}

func (c *Cloud) balancersXML(kind, handle, network string) string {
	var body strings.Builder
	for _, i := range c.all(kind) {
		if c.visible(i) {
			fmt.Fprintf(&body, "<member><%s>%s</%s><%s>%s</%s></member>", handle, c.handle(i), handle, network, i.Props["VpcId"], network)
		}
	}
	return body.String()
}

func (c *Cloud) balancerTags(k *call, parameter, element string) {
	var body strings.Builder
	for n := 1; k.form.Has(fmt.Sprintf("%s.member.%d", parameter, n)); n++ {
		handle := k.form.Get(fmt.Sprintf("%s.member.%d", parameter, n))
		i := c.balancer(handle)
		if i == nil {
			code := "LoadBalancerNotFound"
			if strings.Contains(handle, ":targetgroup/") {
				code = "TargetGroupNotFound"
			}
			k.fail(http.StatusBadRequest, code, handle+" was not found")
			return
		}
		fmt.Fprintf(&body, "<member><%s>%s</%s><Tags>", element, handle, element)
		for key, value := range i.Tags {
			fmt.Fprintf(&body, "<member><Key>%s</Key><Value>%s</Value></member>", key, value)
		}
		body.WriteString("</Tags></member>")
	}
	k.result("<TagDescriptions>" + body.String() + "</TagDescriptions>")
}

// deleteBalancer is in order for one that is not there. Its interfaces go later.
func (c *Cloud) deleteBalancer(k *call, i *Item) {
	if i != nil && i.Props["protected"] != "" {
		k.fail(http.StatusBadRequest, "OperationNotPermitted", "Load balancer '"+i.ID+"' cannot be deleted because deletion protection is enabled")
		return
	}
	if i != nil {
		c.remove(i)
	}
	k.result("")
}

func (c *Cloud) deleteTargets(k *call, i *Item) {
	if i != nil && c.get("balancer", i.Props["balancer"]) != nil {
		k.fail(http.StatusBadRequest, "ResourceInUse", "Target group '"+i.ID+"' is currently in use by a listener or a rule")
		return
	}
	if i != nil {
		c.remove(i)
	}
	k.result("")
}

// PutBalancer adds a load balancer of the newer kind that Kubernetes made, with all that belongs to it.
func (c *Cloud) PutBalancer(id, vpc, subnet string, tags map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.insertBalancer(id, vpc, subnet, tags)
}

func (c *Cloud) insertBalancer(id, vpc, subnet string, tags map[string]string) {
	group := c.insert(Item{Kind: "group", Tags: tags, Props: map[string]string{"VpcId": vpc, "description": "k8s-elb-" + id}})
	c.insert(Item{Kind: "balancer", ID: id, Tags: tags, Props: map[string]string{"VpcId": vpc}})
	c.insert(Item{Kind: "targets", ID: "targets-of-" + id, Tags: tags, Props: map[string]string{"VpcId": vpc, "balancer": id}})
	c.insert(Item{Kind: "interface", Tags: map[string]string{}, Props: map[string]string{
		"VpcId": vpc, "SubnetId": subnet, "GroupId": group.ID, "status": "in-use", "Owner": id, "description": "ELB net/" + id,
	}})
}
