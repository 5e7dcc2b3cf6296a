package awsfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// serveQuotas knows the quotas of Quotas as changed ones, and those of new accounts as defaults.
func (c *Cloud) serveQuotas(k *call) {
	_, name, _ := strings.Cut(k.request.Header.Get("X-Amz-Target"), ".")
	if !c.begin(k, name) {
		return
	}
	var given struct{ ServiceCode, QuotaCode string }
	if err := json.Unmarshal(k.body, &given); err != nil || given.ServiceCode == "" {
		k.fail(http.StatusBadRequest, "IllegalArgumentException", "the request is not complete")
		return
	}
	standard := map[string]float64{
		"vpc/L-F678F1CE": 5, "vpc/L-A4707A72": 5, "ec2/L-0263D0A3": 5, "ec2/L-1216C47A": 64, "eks/L-1194D53C": 100,
	}
	code := given.ServiceCode + "/" + given.QuotaCode
	value, known := c.Quotas[code]
	if name == "GetAWSDefaultServiceQuota" {
		value, known = standard[code]
	}
	if !known {
		k.fail(http.StatusBadRequest, "NoSuchResourceException", "there is no quota "+code)
		return
	}
	k.json(map[string]any{"Quota": map[string]any{"ServiceCode": given.ServiceCode, "QuotaCode": given.QuotaCode, "Value": value}})
}

// instances are machines, each a reservation of its own; their property cpu is the number of their vCPUs.
func (c *Cloud) instances(k *call) {
	var body strings.Builder
	for _, i := range c.all("instance") {
		fmt.Fprintf(&body, "<item><instancesSet><item><instanceId>%s</instanceId><instanceType>%s</instanceType>"+
			"<cpuOptions><coreCount>%s</coreCount><threadsPerCore>1</threadsPerCore></cpuOptions></item></instancesSet></item>",
			i.ID, i.Props["type"], i.Props["cpu"])
	}
	k.answer("<reservationSet>" + body.String() + "</reservationSet>")
}
