package awsfake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// references are the parameters that name something else, with its kind and EC2's word for it.
func references() map[string][2]string {
	return map[string][2]string{
		"VpcId": {"vpc", "InvalidVpcID.NotFound"}, "SubnetId": {"subnet", "InvalidSubnetID.NotFound"},
		"AllocationId": {"address", "InvalidAllocationID.NotFound"}, "RouteTableId": {"table", "InvalidRouteTableID.NotFound"},
		"NatGatewayId":      {"nat", "NatGatewayNotFound"},
		"InternetGatewayId": {"gateway", "InvalidInternetGatewayID.NotFound"}, "GatewayId": {"gateway", "InvalidGatewayID.NotFound"},
	}
}

// missing is EC2's word for something that is not there.
func missing(kind string) string {
	for _, reference := range references() {
		if reference[0] == kind {
			return reference[1]
		}
	}
	return map[string]string{
		"endpoint": "InvalidVpcEndpointId.NotFound", "interface": "InvalidNetworkInterfaceID.NotFound", "group": "InvalidGroup.NotFound",
		"volume": "InvalidVolume.NotFound",
	}[kind]
}

// referred checks that what a call names is there and can be seen.
func (c *Cloud) referred(k *call, names ...string) bool {
	for _, name := range names {
		reference, known := references()[name]
		if !known {
			continue
		}
		ids := k.list(name)
		if k.form.Has(name) {
			ids = append(ids, k.form.Get(name))
		}
		for _, id := range ids {
			if c.get(reference[0], id) == nil {
				k.fail(http.StatusBadRequest, reference[1], "The ID '"+id+"' does not exist")
				return false
			}
		}
	}
	return true
}

func (c *Cloud) createEC2(k *call, kind, element string, parameters []string) {
	if !c.referred(k, parameters...) {
		return
	}
	i := Item{Kind: kind, Tags: map[string]string{}, Props: map[string]string{}, token: k.form.Get("ClientToken")}
	for _, name := range parameters {
		i.Props[name] = strings.Join(append(k.list(name), k.form.Get(name)), ",")
		i.Props[name] = strings.Trim(i.Props[name], ",")
	}
	for n := 1; k.form.Has(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", n)); n++ {
		i.Tags[k.form.Get(fmt.Sprintf("TagSpecification.1.Tag.%d.Key", n))] = k.form.Get(fmt.Sprintf("TagSpecification.1.Tag.%d.Value", n))
	}
	if kind == "nat" && c.outside(k.form.Get("SubnetId")) == "" {
		k.fail(http.StatusBadRequest, "Gateway.NotAttached", "Network has no Internet gateway attached")
		return
	}
	made := c.describeItem(c.insert(i))
	if element != "" {
		made = "<" + element + ">" + made + "</" + element + ">"
	}
	k.answer(made)
}

// outside is the gateway of a subnet's network.
func (c *Cloud) outside(subnet string) string {
	for _, s := range c.all("subnet") {
		for _, g := range c.all("gateway") {
			if s.ID == subnet && g.Props["attached"] == s.Props["VpcId"] {
				return g.ID
			}
		}
	}
	return ""
}

func (c *Cloud) removeEC2(k *call, kind, id string) {
	i := c.get(kind, id)
	if i == nil {
		k.fail(http.StatusBadRequest, missing(kind), "The ID '"+id+"' does not exist")
		return
	}
	if i.Props["status"] == "in-use" {
		k.fail(http.StatusBadRequest, map[string]string{"volume": "VolumeInUse", "interface": "InvalidParameterValue"}[kind], "The "+kind+" '"+id+"' is in use")
		return
	}
	code := map[string]string{"address": "InvalidIPAddress.InUse"}[kind]
	if code == "" {
		code = "DependencyViolation"
	}
	// A NAT gateway and an endpoint may go while routes and tables still name them; so may a table that an endpoint names.
	var except []string
	switch kind {
	case "nat", "endpoint", "gateway":
		except = []string{"table"}
	case "table":
		except = []string{"endpoint"}
	}
	if user := c.user(id, except...); user != nil || kind == "gateway" && i.Props["attached"] != "" {
		text := "the network"
		if user != nil {
			text = user.Kind + " " + user.ID
		}
		k.fail(http.StatusBadRequest, code, "The "+kind+" '"+id+"' has dependencies and cannot be deleted: "+text)
		return
	}
	c.remove(i)
	k.answer("<return>true</return>")
}

func (c *Cloud) vpcAttribute(k *call) {
	vpc := c.get("vpc", k.form.Get("VpcId"))
	if vpc == nil {
		k.fail(http.StatusBadRequest, "InvalidVpcID.NotFound", "there is none")
		return
	}
	if on := k.form.Get("EnableDnsHostnames.Value"); on != "" {
		vpc.Props["names"] = on
	}
	k.answer(fmt.Sprintf("<vpcId>%s</vpcId><enableDnsHostnames><value>%t</value></enableDnsHostnames>", vpc.ID, vpc.Props["names"] == "true"))
}

func (c *Cloud) attach(k *call) {
	if !c.referred(k, "VpcId", "InternetGatewayId") {
		return
	}
	gateway, vpc := c.get("gateway", k.form.Get("InternetGatewayId")), k.form.Get("VpcId")
	switch attached := gateway.Props["attached"]; {
	case k.form.Get("Action") == "AttachInternetGateway" && attached != "":
		k.fail(http.StatusBadRequest, "Resource.AlreadyAssociated", "it is attached")
		return
	case k.form.Get("Action") == "AttachInternetGateway":
		gateway.Props["attached"] = vpc
	case attached == "":
		k.fail(http.StatusBadRequest, "Gateway.NotAttached", "it is not attached")
		return
	case slices.ContainsFunc(c.all("nat"), func(i *Item) bool { return c.outside(i.Props["SubnetId"]) == gateway.ID }):
		k.fail(http.StatusBadRequest, "DependencyViolation", "Network has some mapped public address(es)")
		return
	default:
		delete(gateway.Props, "attached")
	}
	k.answer("<return>true</return>")
}

func (c *Cloud) route(k *call) {
	if !c.referred(k, "RouteTableId", "GatewayId", "NatGatewayId") {
		return
	}
	table := c.get("table", k.form.Get("RouteTableId"))
	if k.form.Get("Action") == "CreateRoute" && table.Props["route"] != "" {
		k.fail(http.StatusBadRequest, "RouteAlreadyExists", "there is a route")
		return
	}
	table.Props["route"] = k.form.Get("GatewayId") + k.form.Get("NatGatewayId")
	k.answer("<return>true</return>")
}

func (c *Cloud) associate(k *call) {
	if id := k.form.Get("AssociationId"); id != "" {
		for _, i := range c.all("association") {
			if i.ID == id {
				c.remove(i)
				k.answer("<return>true</return>")
				return
			}
		}
		k.fail(http.StatusBadRequest, "InvalidAssociationID.NotFound", "there is none")
		return
	}
	if !c.referred(k, "SubnetId", "RouteTableId") {
		return
	}
	for _, i := range c.all("association") {
		if i.Props["SubnetId"] == k.form.Get("SubnetId") {
			k.fail(http.StatusBadRequest, "Resource.AlreadyAssociated", "the subnet uses a table")
			return
		}
	}
	made := c.insert(Item{Kind: "association", Props: map[string]string{"SubnetId": k.form.Get("SubnetId"), "RouteTableId": k.form.Get("RouteTableId")}})
	k.answer("<associationId>" + made.ID + "</associationId>")
}

// zones are the region's three.
func (c *Cloud) zones(k *call) {
	var body strings.Builder
	for _, letter := range "abc" {
		fmt.Fprintf(&body, "<item><zoneName>%s%c</zoneName><zoneState>available</zoneState><regionName>%s</regionName></item>", c.Region, letter, c.Region)
	}
	k.answer("<availabilityZoneInfo>" + body.String() + "</availabilityZoneInfo>")
}

// offerings are the types that nodes may be of, in each zone.
func (c *Cloud) offerings(k *call) {
	var body strings.Builder
	for _, letter := range "abc" {
		for _, wanted := range k.filters()["instance-type"] {
			fmt.Fprintf(&body, "<item><instanceType>%s</instanceType><locationType>availability-zone</locationType><location>%s%c</location></item>", wanted, c.Region, letter)
		}
	}
	k.answer("<instanceTypeOfferingSet>" + body.String() + "</instanceTypeOfferingSet>")
}
