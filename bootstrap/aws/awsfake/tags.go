package awsfake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// serveTags is the index of tags, which goes over services.
func (c *Cloud) serveTags(k *call) {
	_, name, _ := strings.Cut(k.request.Header.Get("X-Amz-Target"), ".")
	if !c.begin(k, name) {
		return
	}
	var given struct {
		TagFilters []struct {
			Key    string
			Values []string
		}
	}
	if err := json.Unmarshal(k.body, &given); err != nil || len(given.TagFilters) == 0 {
		k.fail(http.StatusBadRequest, "InvalidParameterException", "there are no filters")
		return
	}
	list := []any{}
	for _, i := range slices.Concat(c.items, c.ghosts) {
		fits := true
		for _, filter := range given.TagFilters {
			fits = fits && slices.Contains(filter.Values, i.Tags[filter.Key])
		}
		if fits {
			list = append(list, map[string]any{"ResourceARN": c.arn(i)})
		}
	}
	k.json(map[string]any{"ResourceTagMappingList": list})
}

func (c *Cloud) arn(i *Item) string {
	names := map[string]string{
		"balancer": "elasticloadbalancing:%:loadbalancer/net/", "vpc": "ec2:%:vpc/", "subnet": "ec2:%:subnet/", "gateway": "ec2:%:internet-gateway/",
		"address": "ec2:%:elastic-ip/", "nat": "ec2:%:natgateway/", "table": "ec2:%:route-table/", "endpoint": "ec2:%:vpc-endpoint/", "volume": "ec2:%:volume/",
		"targets": "elasticloadbalancing:%:targetgroup/", "classic": "elasticloadbalancing:%:loadbalancer/",
		"logs": "logs:%:log-group:", "group": "ec2:%:security-group/", "interface": "ec2:%:network-interface/",
		"cluster": "eks:%:cluster/", "nodegroup": "eks:%:nodegroup/prod/",
		"addon": "eks:%:addon/prod/", "podidentity": "eks:%:podidentityassociation/prod/", "key": "kms:%:key/", "bucket": "s3:::",
		"role": "iam::" + c.Account + ":role/",
	}
	return "arn:aws:" + strings.Replace(names[i.Kind], "%", c.Region+":"+c.Account, 1) + i.ID
}
