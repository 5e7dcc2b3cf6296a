package awsfake

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

func (c *Cloud) serveZones(k *call) {
	path := strings.Split(strings.Trim(strings.TrimPrefix(k.request.URL.Path, "/2013-04-01"), "/"), "/")
	method := k.request.Method
	names := map[string]string{
		"GET hostedzonesbyname 1": "ListHostedZonesByName", "POST hostedzone 1": "CreateHostedZone", "GET hostedzone 2": "GetHostedZone",
		"DELETE hostedzone 2": "DeleteHostedZone", "GET hostedzone 3": "ListResourceRecordSets", "POST hostedzone 3": "ChangeResourceRecordSets",
	}
	name := names[fmt.Sprintf("%s %s %d", method, path[0], len(path))]
	if name == "" || !c.begin(k, name) {
		if name == "" {
			k.fail(http.StatusBadRequest, "InvalidInput", method+" "+k.request.URL.Path)
		}
		return
	}
	switch name {
	case "ListHostedZonesByName":
		var body strings.Builder
		for _, i := range c.all("zone") {
			if c.visible(i) && i.Props["Name"] >= k.request.URL.Query().Get("dnsname") {
				body.WriteString(zoneXML(i))
			}
		}
		k.answerXML("<ListHostedZonesByNameResponse><HostedZones>" + body.String() + "</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesByNameResponse>")
		return
	case "CreateHostedZone":
		c.createZone(k)
		return
	}
	c.serveZone(k, name, path[1])
}

// serveZone is about one zone.
func (c *Cloud) serveZone(k *call, name, id string) {
	zone := c.get("zone", id)
	if zone == nil {
		k.fail(http.StatusNotFound, "NoSuchHostedZone", "No hosted zone found with ID: "+id)
		return
	}
	switch name {
	case "GetHostedZone":
		k.answerXML("<GetHostedZoneResponse>" + zoneXML(zone) + "<DelegationSet><NameServers><NameServer>ns-1.example.com</NameServer></NameServers></DelegationSet></GetHostedZoneResponse>")
	case "ListResourceRecordSets":
		set := "<ResourceRecordSet><Name>%s</Name><Type>%s</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>%s</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>"
		body := fmt.Sprintf(set, zone.Props["Name"], "NS", "ns-1.example.com.")
		for _, record := range zone.records() {
			body += fmt.Sprintf(set, strings.ReplaceAll(record[0], "*", `\052`), record[1], escape(record[2]))
		}
		k.answerXML("<ListResourceRecordSetsResponse><ResourceRecordSets>" + body + "</ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListResourceRecordSetsResponse>")
	case "ChangeResourceRecordSets":
		if !c.changeRecords(k, zone) {
			return
		}
		k.answerXML("<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-01T00:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>")
	case "DeleteHostedZone":
		if zone.Props["records"] != "" {
			k.fail(http.StatusBadRequest, "HostedZoneNotEmpty", "The specified hosted zone contains non-required resource record sets")
			return
		}
		c.remove(zone)
		k.answerXML("<DeleteHostedZoneResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-01T00:00:00Z</SubmittedAt></ChangeInfo></DeleteHostedZoneResponse>")
	}
}

func zoneXML(i *Item) string {
	return fmt.Sprintf("<HostedZone><Id>/hostedzone/%s</Id><Name>%s</Name><CallerReference>%s</CallerReference><Config><PrivateZone>false</PrivateZone></Config></HostedZone>",
		i.ID, i.Props["Name"], i.Props["CallerReference"])
}

func (c *Cloud) createZone(k *call) {
	var given struct{ Name, CallerReference string }
	if err := xml.Unmarshal(k.body, &given); err != nil || given.Name == "" || given.CallerReference == "" {
		k.fail(http.StatusBadRequest, "InvalidInput", fmt.Sprint("the request is not complete: ", err))
		return
	}
	for _, there := range c.all("zone") {
		if there.Props["CallerReference"] == given.CallerReference {
			k.fail(http.StatusConflict, "HostedZoneAlreadyExists", "A hosted zone has already been created with the specified caller reference.")
			return
		}
	}
	i := c.insert(Item{Kind: "zone", Props: map[string]string{"Name": given.Name, "CallerReference": given.CallerReference}})
	k.write(http.StatusCreated, "text/xml", "<CreateHostedZoneResponse>"+zoneXML(i)+"<ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-01T00:00:00Z</SubmittedAt></ChangeInfo></CreateHostedZoneResponse>")
}

func (c *Cloud) serveKMS(k *call) {
	_, name, _ := strings.Cut(k.request.Header.Get("X-Amz-Target"), ".")
	if !c.begin(k, name) {
		return
	}
	var given struct {
		KeyID                  string `json:"KeyId"`
		AliasName, TargetKeyID string
		Tags                   []struct{ TagKey, TagValue string }
	}
	if err := json.Unmarshal(k.body, &given); err != nil {
		k.fail(http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	switch name {
	case "CreateKey":
		i := Item{Kind: "key", Tags: map[string]string{}}
		for _, tag := range given.Tags {
			i.Tags[tag.TagKey] = tag.TagValue
		}
		k.json(map[string]any{"KeyMetadata": c.keyJSON(c.insert(i))})
	case "ListKeys":
		list := []any{}
		for _, i := range c.all("key") {
			if c.visible(i) {
				list = append(list, map[string]any{"KeyId": i.ID})
			}
		}
		k.json(map[string]any{"Keys": list, "Truncated": false})
	case "CreateAlias":
		c.createAlias(k, given.AliasName, given.TargetKeyID)
	case "DeleteAlias":
		alias := c.get("alias", given.AliasName)
		if alias == nil {
			k.fail(http.StatusBadRequest, "NotFoundException", "Alias "+given.AliasName+" is not found.")
			return
		}
		c.remove(alias)
		k.json(map[string]any{})
	default:
		c.serveKey(k, name, given.KeyID)
	}
}

func (c *Cloud) keyJSON(i *Item) map[string]any {
	state := "Enabled"
	if i.Props["pending"] != "" {
		state = "PendingDeletion"
	}
	return map[string]any{
		"KeyId": i.ID, "Arn": c.keyARN(i.ID), "KeyState": state, "KeyManager": "CUSTOMER", "KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT",
	}
}

func (c *Cloud) keyARN(id string) string {
	return "arn:aws:kms:" + c.Region + ":" + c.Account + ":key/" + id
}

func (c *Cloud) createAlias(k *call, name, target string) {
	if slices.ContainsFunc(c.all("alias"), func(i *Item) bool { return i.ID == name }) {
		k.fail(http.StatusBadRequest, "AlreadyExistsException", "An alias with the name "+name+" already exists")
		return
	}
	if c.key(target) == nil {
		k.fail(http.StatusBadRequest, "NotFoundException", "Key "+target+" does not exist")
		return
	}
	c.insert(Item{Kind: "alias", ID: name, Props: map[string]string{"key": c.key(target).ID}})
	k.json(map[string]any{})
}

// key is named by its ID, its ARN or an alias.
func (c *Cloud) key(name string) *Item {
	if alias := c.get("alias", name); alias != nil {
		name = alias.Props["key"]
	}
	return c.get("key", name[strings.LastIndex(name, "/")+1:])
}

func (c *Cloud) serveKey(k *call, name, id string) {
	key := c.key(id)
	if key == nil {
		k.fail(http.StatusBadRequest, "NotFoundException", "Key "+id+" does not exist")
		return
	}
	switch name {
	case "DescribeKey":
		k.json(map[string]any{"KeyMetadata": c.keyJSON(key)})
	case "ListResourceTags":
		list := []any{}
		for tag, value := range key.Tags {
			list = append(list, map[string]any{"TagKey": tag, "TagValue": value})
		}
		k.json(map[string]any{"Tags": list, "Truncated": false})
	case "ListAliases":
		list := []any{}
		for _, i := range c.all("alias") {
			if i.Props["key"] == key.ID && c.visible(i) {
				list = append(list, map[string]any{"AliasName": i.ID, "TargetKeyId": key.ID})
			}
		}
		k.json(map[string]any{"Aliases": list, "Truncated": false})
	case "ScheduleKeyDeletion":
		key.Props["pending"] = "yes"
		k.json(map[string]any{"KeyId": key.ID, "KeyState": "PendingDeletion"})
	default:
		k.fail(http.StatusBadRequest, "UnknownOperationException", name)
	}
}
