package awsfake

import (
	"encoding/json"
	"net/http"
	"strings"
)

// serveLogs knows groups of logs, and nothing of what is in them.
func (c *Cloud) serveLogs(k *call) {
	_, name, _ := strings.Cut(k.request.Header.Get("X-Amz-Target"), ".")
	if !c.begin(k, name) {
		return
	}
	var given struct {
		LogGroupName, LogGroupNamePrefix, ResourceARN string
		RetentionInDays                               int
		Tags                                          map[string]string
	}
	if err := json.Unmarshal(k.body, &given); err != nil {
		k.fail(http.StatusBadRequest, "InvalidParameterException", err.Error())
		return
	}
	group := c.get("logs", given.LogGroupName)
	switch {
	case name == "DescribeLogGroups":
		c.describeLogs(k, given.LogGroupNamePrefix)
	case name == "ListTagsForResource":
		if group = c.get("logs", given.ResourceARN[strings.LastIndex(given.ResourceARN, ":")+1:]); group == nil {
			k.fail(http.StatusBadRequest, "ResourceNotFoundException", "there is no log group "+given.ResourceARN)
			return
		}
		k.json(map[string]any{"tags": group.Tags})
	case name == "CreateLogGroup":
		for _, there := range c.all("logs") {
			if there.ID == given.LogGroupName {
				k.fail(http.StatusBadRequest, "ResourceAlreadyExistsException", "The specified log group already exists")
				return
			}
		}
		c.insert(Item{Kind: "logs", ID: given.LogGroupName, Tags: given.Tags})
		k.json(map[string]any{})
	case group == nil:
		k.fail(http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.")
	case name == "PutRetentionPolicy":
		group.Props["days"] = string(k.body)
		k.json(map[string]any{})
	case name == "DeleteLogGroup":
		c.remove(group)
		k.json(map[string]any{})
	}
}

func (c *Cloud) describeLogs(k *call, prefix string) {
	list := []any{}
	for _, i := range c.all("logs") {
		if !c.visible(i) || !strings.HasPrefix(i.ID, prefix) {
			continue
		}
		group := map[string]any{"logGroupName": i.ID, "logGroupArn": "arn:aws:logs:" + c.Region + ":" + c.Account + ":log-group:" + i.ID}
		if i.Props["days"] != "" {
			group["retentionInDays"] = 90
		}
		list = append(list, group)
	}
	k.json(map[string]any{"logGroups": list})
}
