package awsfake

import "strings"

// Parameters are those of one call: the names that the fake takes, and those that it misses when they are not given.
type Parameters struct{ Known, Required []string }

// Knows are the calls that the fake answers, by "<service>:<action>", for a test that compares them with the SDK. The calls
// of S3 have no names on the wire, and are not among them.
func (c *Cloud) Knows() map[string]Parameters {
	all := map[string]Parameters{}
	for name, a := range c.actions() {
		all["ec2:"+name] = Parameters{strings.Fields(a.known), strings.Fields(a.required)}
	}
	for name, text := range iamParameters() {
		required := strings.TrimSuffix(strings.TrimSuffix(text, " Tags"), " Description")
		all["iam:"+name] = Parameters{strings.Fields(text), strings.Fields(required)}
	}
	for name, text := range fields() {
		var p Parameters
		for field := range strings.FieldsSeq(text) {
			plain, needed := strings.CutPrefix(field, "+")
			p.Known = append(p.Known, plain)
			if needed {
				p.Required = append(p.Required, plain)
			}
		}
		all["eks:"+name] = p
	}
	for service, names := range map[string]string{
		"eks": `DescribeCluster DeleteCluster ListClusters DescribeNodegroup DeleteNodegroup DescribeAddon DeleteAddon DescribeAddonVersions
			DescribeClusterVersions DescribeUpdate ListPodIdentityAssociations DescribePodIdentityAssociation DeletePodIdentityAssociation`,
		"kms":                    "CreateKey ListKeys CreateAlias DeleteAlias DescribeKey ListResourceTags ListAliases ScheduleKeyDeletion",
		"route53":                "ListHostedZonesByName CreateHostedZone GetHostedZone DeleteHostedZone ListResourceRecordSets ChangeResourceRecordSets",
		"elasticloadbalancing":   "DescribeLoadBalancers DescribeTags DeleteLoadBalancer",
		"elasticloadbalancingv2": "DescribeLoadBalancers DescribeTargetGroups DescribeTags DeleteLoadBalancer DeleteTargetGroup",
		"logs":                   "DescribeLogGroups ListTagsForResource CreateLogGroup PutRetentionPolicy DeleteLogGroup",
		"ssm":                    "GetParameter",
		"sts":                    "GetCallerIdentity", "servicequotas": "GetServiceQuota GetAWSDefaultServiceQuota", "tagging": "GetResources",
	} {
		for name := range strings.FieldsSeq(names) {
			all[service+":"+name] = Parameters{}
		}
	}
	return all
}
