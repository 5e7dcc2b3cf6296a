package awsfake

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

func (c *Cloud) serveIAM(k *call) {
	name := k.form.Get("Action")
	if !c.begin(k, name) {
		return
	}
	if name == "SimulatePrincipalPolicy" {
		c.simulate(k)
		return
	}
	role := c.get("role", k.form.Get("RoleName"))
	if name == "CreateRole" {
		c.createRole(k)
		return
	}
	if role == nil {
		k.fail(http.StatusNotFound, "NoSuchEntity", "The role with name "+k.form.Get("RoleName")+" cannot be found.")
		return
	}
	c.serveRole(k, name, role)
}

func (k *call) result(body string) {
	name := k.form.Get("Action")
	k.answerXML("<" + name + "Response><" + name + "Result>" + body + "</" + name + "Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></" + name + "Response>")
}

func (k *call) answerXML(text string) { k.write(http.StatusOK, "text/xml", text) }

func (c *Cloud) roleXML(role *Item) string {
	var tags strings.Builder
	for key, value := range role.Tags {
		fmt.Fprintf(&tags, "<member><Key>%s</Key><Value>%s</Value></member>", escape(key), escape(value))
	}
	return fmt.Sprintf("<Role><Path>/</Path><RoleName>%s</RoleName><RoleId>AROA</RoleId><Arn>%s</Arn><CreateDate>2026-11-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>%s</AssumeRolePolicyDocument><Tags>%s</Tags></Role>",
		role.ID, c.roleARN(role.ID), url.QueryEscape(role.Props["trust"]), tags.String())
}

func (c *Cloud) roleARN(name string) string { return "arn:aws:iam::" + c.Account + ":role/" + name }

func (c *Cloud) createRole(k *call) {
	name := k.form.Get("RoleName")
	for _, there := range c.all("role") {
		if there.ID == name {
			k.fail(http.StatusConflict, "EntityAlreadyExists", "Role with name "+name+" already exists.")
			return
		}
	}
	i := Item{Kind: "role", ID: name, Tags: map[string]string{}, Props: map[string]string{"trust": k.form.Get("AssumeRolePolicyDocument")}}
	for n := 1; k.form.Has(fmt.Sprintf("Tags.member.%d.Key", n)); n++ {
		i.Tags[k.form.Get(fmt.Sprintf("Tags.member.%d.Key", n))] = k.form.Get(fmt.Sprintf("Tags.member.%d.Value", n))
	}
	k.result(c.roleXML(c.insert(i)))
}

func (c *Cloud) serveRole(k *call, name string, role *Item) {
	attached, inline := "attached "+k.form.Get("PolicyArn"), "policy "+k.form.Get("PolicyName")
	var body string
	switch name {
	case "GetRole":
		body = c.roleXML(role)
	case "DeleteRole":
		if len(role.Props) > 1 {
			k.fail(http.StatusConflict, "DeleteConflict", "Cannot delete entity, must detach all policies first.")
			return
		}
		c.remove(role)
	case "UpdateAssumeRolePolicy":
		role.Props["trust"] = k.form.Get("PolicyDocument")
	case "ListAttachedRolePolicies":
		for key := range role.Props {
			if arn, found := strings.CutPrefix(key, "attached "); found {
				body += "<member><PolicyArn>" + arn + "</PolicyArn></member>"
			}
		}
		body = "<IsTruncated>false</IsTruncated><AttachedPolicies>" + body + "</AttachedPolicies>"
	case "AttachRolePolicy":
		role.Props[attached] = "yes"
	case "PutRolePolicy":
		role.Props[inline] = k.form.Get("PolicyDocument")
	case "DetachRolePolicy", "DeleteRolePolicy", "GetRolePolicy":
		key := attached
		if name != "DetachRolePolicy" {
			key = inline
		}
		text, there := role.Props[key]
		if !there {
			k.fail(http.StatusNotFound, "NoSuchEntity", "there is no such policy")
			return
		}
		if name != "GetRolePolicy" {
			delete(role.Props, key)
			break
		}
		body = "<RoleName>" + role.ID + "</RoleName><PolicyName>" + k.form.Get("PolicyName") +
			"</PolicyName><PolicyDocument>" + url.QueryEscape(text) + "</PolicyDocument>"
	}
	k.result(body)
}

// simulate denies what Refuse names.
func (c *Cloud) simulate(k *call) {
	var body strings.Builder
	for n := 1; k.form.Has(fmt.Sprintf("ActionNames.member.%d", n)); n++ {
		name, decision := k.form.Get(fmt.Sprintf("ActionNames.member.%d", n)), "allowed"
		if c.Refuse[name] != "" {
			decision = "implicitDeny"
		}
		fmt.Fprintf(&body, "<member><EvalActionName>%s</EvalActionName><EvalDecision>%s</EvalDecision></member>", name, decision)
	}
	k.result("<IsTruncated>false</IsTruncated><EvaluationResults>" + body.String() + "</EvaluationResults>")
}

func (c *Cloud) serveSTS(k *call) {
	if c.begin(k, k.form.Get("Action")) {
		k.result("<Arn>arn:aws:iam::" + c.Account + ":user/ada</Arn><UserId>AIDA</UserId><Account>" + c.Account + "</Account>")
	}
}
