package awsfake

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// action is one of EC2's: the parameters that it knows, and what it does.
type action struct {
	known string
	// required are those without which it is refused.
	required string
	do       func(*call)
}

func (c *Cloud) actions() map[string]action {
	describe := func(kind, set string) action {
		return action{known: "Filter", do: func(k *call) { c.describe(k, kind, set) }}
	}
	create := func(kind, element, required, optional string) action {
		return action{known: "TagSpecification " + optional + " " + required, required: required, do: func(k *call) {
			c.createEC2(k, kind, element, strings.Fields(required+" "+strings.TrimPrefix(optional, "ClientToken")))
		}}
	}
	remove := func(kind, parameter string) action {
		return action{known: parameter, required: parameter, do: func(k *call) { c.removeEC2(k, kind, k.form.Get(parameter)) }}
	}
	return map[string]action{
		"DescribeVpcs":      {known: "Filter VpcId", do: func(k *call) { c.describe(k, "vpc", "vpcSet") }},
		"DescribeSubnets":   {known: "Filter SubnetId", do: func(k *call) { c.describe(k, "subnet", "subnetSet") }},
		"DescribeAddresses": describe("address", "addressesSet"), "DescribeNatGateways": describe("nat", "natGatewaySet"),
		"DescribeVpcEndpoints": describe("endpoint", "vpcEndpointSet"), "DescribeNetworkInterfaces": describe("interface", "networkInterfaceSet"),
		"DescribeSecurityGroups":   describe("group", "securityGroupInfo"),
		"DescribeInstances":        {known: "Filter", do: c.instances},
		"DescribeVolumes":          describe("volume", "volumeSet"),
		"DeleteVolume":             remove("volume", "VolumeId"),
		"DescribeInternetGateways": {known: "Filter InternetGatewayId", do: func(k *call) { c.describe(k, "gateway", "internetGatewaySet") }},
		"DescribeRouteTables":      {known: "Filter RouteTableId", do: func(k *call) { c.describe(k, "table", "routeTableSet") }},
		"CreateVpc":                create("vpc", "vpc", "CidrBlock", ""), "CreateSubnet": create("subnet", "subnet", "VpcId CidrBlock", "AvailabilityZone"),
		"CreateInternetGateway": create("gateway", "internetGateway", "", ""), "AllocateAddress": create("address", "", "Domain", ""),
		"CreateNatGateway":  create("nat", "natGateway", "SubnetId AllocationId", "ClientToken ConnectivityType"),
		"CreateRouteTable":  create("table", "routeTable", "VpcId", "ClientToken"),
		"CreateVpcEndpoint": create("endpoint", "vpcEndpoint", "VpcId ServiceName RouteTableId", "ClientToken VpcEndpointType"),
		"DeleteVpc":         remove("vpc", "VpcId"), "DeleteSubnet": remove("subnet", "SubnetId"), "DeleteInternetGateway": remove("gateway", "InternetGatewayId"),
		"ReleaseAddress": remove("address", "AllocationId"), "DeleteNatGateway": remove("nat", "NatGatewayId"), "DeleteRouteTable": remove("table", "RouteTableId"),
		"DeleteNetworkInterface": remove("interface", "NetworkInterfaceId"), "DeleteSecurityGroup": remove("group", "GroupId"),
		"DeleteVpcEndpoints": {known: "VpcEndpointId", required: "VpcEndpointId", do: func(k *call) {
			c.removeEC2(k, "endpoint", k.form.Get("VpcEndpointId.1"))
		}},
		"DescribeVpcAttribute":   {known: "VpcId Attribute", required: "VpcId Attribute", do: c.vpcAttribute},
		"ModifyVpcAttribute":     {known: "VpcId EnableDnsHostnames", required: "VpcId", do: c.vpcAttribute},
		"AttachInternetGateway":  {known: "VpcId InternetGatewayId", required: "VpcId InternetGatewayId", do: c.attach},
		"DetachInternetGateway":  {known: "VpcId InternetGatewayId", required: "VpcId InternetGatewayId", do: c.attach},
		"CreateRoute":            {known: "RouteTableId DestinationCidrBlock GatewayId NatGatewayId", required: "RouteTableId DestinationCidrBlock", do: c.route},
		"ReplaceRoute":           {known: "RouteTableId DestinationCidrBlock GatewayId NatGatewayId", required: "RouteTableId DestinationCidrBlock", do: c.route},
		"AssociateRouteTable":    {known: "RouteTableId SubnetId", required: "RouteTableId SubnetId", do: c.associate},
		"DisassociateRouteTable": {known: "AssociationId", required: "AssociationId", do: c.associate},

		"DescribeAvailabilityZones": {known: "Filter ZoneName", do: c.zones}, "DescribeInstanceTypeOfferings": {known: "Filter LocationType", do: c.offerings},
	}
}

func (c *Cloud) serveEC2(k *call) {
	name := k.form.Get("Action")
	a, known := c.actions()[name]
	if !known {
		k.fail(http.StatusBadRequest, "InvalidAction", "there is no action "+name)
		return
	}
	if !c.begin(k, name) || !k.parameters(a) {
		return
	}
	a.do(k)
}

// parameters refuses those that an action does not know, and misses those that it needs.
func (k *call) parameters(a action) bool {
	given := []string{"Action", "Version"}
	for key := range k.form {
		first, _, _ := strings.Cut(key, ".")
		given = append(given, first)
		if first != "Action" && first != "Version" && !slices.Contains(strings.Fields(a.known), first) {
			k.fail(http.StatusBadRequest, "UnknownParameter", "The parameter "+key+" is not recognized")
			return false
		}
	}
	for _, name := range strings.Fields(a.required) {
		if !slices.Contains(given, name) {
			k.fail(http.StatusBadRequest, "MissingParameter", "The request must contain the parameter "+name)
			return false
		}
	}
	return true
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
	if filter == "group-id" && i.Kind == "interface" {
		return i.Props["GroupId"]
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
