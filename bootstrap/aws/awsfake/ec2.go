package awsfake

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// actions are EC2's, by name.
func (c *Cloud) actions() map[string]func(*call) {
	describe := func(kind, set string) func(*call) { return func(k *call) { c.describe(k, kind, set) } }
	create := func(kind, element, parameters string) func(*call) {
		return func(k *call) { c.createEC2(k, kind, element, strings.Fields(parameters)) }
	}
	remove := func(kind, parameter string) func(*call) {
		return func(k *call) { c.removeEC2(k, kind, k.form.Get(parameter)) }
	}
	return map[string]func(*call){
		"DescribeVpcs": describe("vpc", "vpcSet"), "DescribeSubnets": describe("subnet", "subnetSet"),
		"DescribeAddresses": describe("address", "addressesSet"), "DescribeNatGateways": describe("nat", "natGatewaySet"),
		"DescribeVpcEndpoints": describe("endpoint", "vpcEndpointSet"), "DescribeNetworkInterfaces": describe("interface", "networkInterfaceSet"),
		"DescribeSecurityGroups": describe("group", "securityGroupInfo"), "DescribeVolumes": describe("volume", "volumeSet"),
		"DescribeInternetGateways": describe("gateway", "internetGatewaySet"), "DescribeRouteTables": describe("table", "routeTableSet"),
		"DescribeInstances": c.instances, "DescribeAvailabilityZones": c.zones, "DescribeInstanceTypeOfferings": c.offerings,
		"CreateVpc": create("vpc", "vpc", "CidrBlock"), "CreateSubnet": create("subnet", "subnet", "VpcId CidrBlock AvailabilityZone"),
		"CreateInternetGateway": create("gateway", "internetGateway", ""), "AllocateAddress": create("address", "", "Domain"),
		"CreateNatGateway":  create("nat", "natGateway", "SubnetId AllocationId ConnectivityType"),
		"CreateRouteTable":  create("table", "routeTable", "VpcId"),
		"CreateVpcEndpoint": create("endpoint", "vpcEndpoint", "VpcId ServiceName RouteTableId VpcEndpointType"),
		"DeleteVpc":         remove("vpc", "VpcId"), "DeleteSubnet": remove("subnet", "SubnetId"), "DeleteInternetGateway": remove("gateway", "InternetGatewayId"),
		"ReleaseAddress": remove("address", "AllocationId"), "DeleteNatGateway": remove("nat", "NatGatewayId"), "DeleteRouteTable": remove("table", "RouteTableId"),
		"DeleteNetworkInterface": remove("interface", "NetworkInterfaceId"), "DeleteSecurityGroup": remove("group", "GroupId"),
		"DeleteVpcEndpoints": remove("endpoint", "VpcEndpointId.1"), "DeleteVolume": remove("volume", "VolumeId"),
		"DescribeVpcAttribute": c.vpcAttribute, "ModifyVpcAttribute": c.vpcAttribute,
		"AttachInternetGateway": c.attach, "DetachInternetGateway": c.attach, "CreateRoute": c.route, "ReplaceRoute": c.route,
		"AssociateRouteTable": c.associate, "DisassociateRouteTable": c.associate,
	}
}

func (c *Cloud) serveEC2(k *call) {
	name := k.form.Get("Action")
	if c.begin(k, name) {
		c.actions()[name](k)
	}
}

// answer wraps a result.
func (k *call) answer(body string) {
	name := k.form.Get("Action")
	k.write(http.StatusOK, "text/xml", "<"+name+"Response><requestId>1</requestId>"+body+"</"+name+"Response>")
}

// list are a parameter's values: Name.1, Name.2, ….
func (k *call) list(name string) []string {
	var values []string
	for i := 1; k.form.Has(fmt.Sprintf("%s.%d", name, i)); i++ {
		values = append(values, k.form.Get(fmt.Sprintf("%s.%d", name, i)))
	}
	return values
}

// filters are the values by name.
func (k *call) filters() map[string][]string {
	all := map[string][]string{}
	for i := 1; k.form.Has(fmt.Sprintf("Filter.%d.Name", i)); i++ {
		all[k.form.Get(fmt.Sprintf("Filter.%d.Name", i))] = k.list(fmt.Sprintf("Filter.%d.Value", i))
	}
	return all
}

// attribute is what a filter compares.
func (i *Item) attribute(filter string) string {
	if tag, found := strings.CutPrefix(filter, "tag:"); found {
		return i.Tags[tag]
	}
	switch filter {
	case "status":
		return cmp.Or(i.Props["status"], "available")
	case "state", "vpc-endpoint-state":
		return i.state()
	case "vpc-id":
		return i.Props["VpcId"]
	case "subnet-id":
		return i.Props["SubnetId"]
	}
	if filter == "group-id" {
		return cmp.Or(i.Props["GroupId"], i.ID)
	}
	return i.Props[filter]
}

func (i *Item) state() string {
	switch {
	case i.deleting:
		return "deleting"
	case i.pending():
		return "pending"
	}
	return "available"
}

func (c *Cloud) describe(k *call, kind, set string) {
	var body strings.Builder
	ids := slices.Concat(k.list("InternetGatewayId"), k.list("RouteTableId"), k.list("VpcId"), k.list("SubnetId"))
	for _, i := range c.all(kind) {
		match := c.visible(i) && (len(ids) == 0 || slices.Contains(ids, i.ID))
		for name, values := range k.filters() {
			match = match && slices.Contains(values, i.attribute(name))
		}
		if match {
			body.WriteString("<item>" + c.describeItem(i) + "</item>")
		}
	}
	k.answer("<" + set + ">" + body.String() + "</" + set + ">")
}

// idElements are how IDs are called.
func idElement(kind string) string {
	return map[string]string{
		"vpc": "vpcId", "subnet": "subnetId", "gateway": "internetGatewayId", "address": "allocationId", "nat": "natGatewayId",
		"table": "routeTableId", "endpoint": "vpcEndpointId", "interface": "networkInterfaceId", "group": "groupId", "volume": "volumeId",
	}[kind]
}

func (c *Cloud) describeItem(i *Item) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<%s>%s</%s><state>%s</state><tagSet>", idElement(i.Kind), i.ID, idElement(i.Kind), i.state())
	for key, value := range i.Tags {
		fmt.Fprintf(&b, "<item><key>%s</key><value>%s</value></item>", escape(key), escape(value))
	}
	fmt.Fprintf(&b, "</tagSet><description>%s</description>", i.Props["description"])
	switch {
	case i.Kind == "subnet":
		free := cmp.Or(i.Props["free"], "8000")
		fmt.Fprintf(&b, "<availabilityZone>%s</availabilityZone><vpcId>%s</vpcId><availableIpAddressCount>%s</availableIpAddressCount>",
			i.Props["AvailabilityZone"], i.Props["VpcId"], free)
	case i.Kind == "volume":
		fmt.Fprintf(&b, "<size>8</size><status>%s</status>", i.Props["status"])
	case i.Kind == "interface" && i.Props["GroupId"] != "":
		fmt.Fprintf(&b, "<groupSet><item><groupId>%s</groupId></item></groupSet>", i.Props["GroupId"])
	case i.Kind == "gateway" && i.Props["attached"] != "":
		fmt.Fprintf(&b, "<attachmentSet><item><vpcId>%s</vpcId><state>available</state></item></attachmentSet>", i.Props["attached"])
	case i.Kind == "table":
		b.WriteString("<routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId></item>")
		if to := i.Props["route"]; to != "" {
			element := map[bool]string{true: "natGatewayId", false: "gatewayId"}[strings.HasPrefix(to, "nat")]
			fmt.Fprintf(&b, "<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><%s>%s</%s></item>", element, to, element)
		}
		b.WriteString("</routeSet><associationSet>")
		for _, a := range c.all("association") {
			if a.Props["RouteTableId"] == i.ID {
				fmt.Fprintf(&b, "<item><routeTableAssociationId>%s</routeTableAssociationId><subnetId>%s</subnetId></item>", a.ID, a.Props["SubnetId"])
			}
		}
		b.WriteString("</associationSet>")
	}
	return b.String()
}
