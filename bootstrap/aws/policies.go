package aws

import (
	"encoding/json"
	"maps"
	"net/url"
	"reflect"
	"slices"

	"github.com/opsgen/opsgen/generator/identity"
)

// document is an IAM policy.
type document struct {
	Version   string
	Statement []statement
}

// statement allows actions.
type statement struct {
	Effect    string
	Principal map[string]string            `json:",omitempty"`
	Action    []string                     `json:",omitempty"`
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func policy(statements ...statement) string {
	for i := range statements {
		statements[i].Effect = "Allow"
	}
	text, err := json.Marshal(document{Version: "2012-10-17", Statement: statements})
	if err != nil {
		return "" // strings can always be written
	}
	return string(text)
}

// trust is who may become a role.
func trust(service string, actions ...string) string {
	return policy(statement{Principal: map[string]string{"Service": service}, Action: actions})
}

// podTrust is for pods: the agent on the node gives them the role that an association names, and nobody else.
//
// Threat: a service of AWS that is tricked into acting for another account's cluster. Its account must be ours.
func (a *amazon) podTrust() string {
	return policy(statement{
		Principal: map[string]string{"Service": "pods.eks.amazonaws.com"}, Action: []string{"sts:AssumeRole", "sts:TagSession"},
		Condition: map[string]map[string]string{"StringEquals": {"aws:SourceAccount": a.Cluster.Provider.Account}},
	})
}

// rights is what an account may do: its buckets, or parts of them, and the zone.
//
// Threat: a component that is taken over reads or deletes another's data. It has no rights there.
func (a *amazon) rights(account identity.Account, zone string) string {
	var statements []statement
	bucketARN := func(name string) string { return "arn:" + a.partition() + ":s3:::" + name }
	for _, grant := range account.Buckets {
		bucket := bucketARN(a.bucketName(grant.Use))
		objects := []string{bucket + "/*"}
		list := statement{Action: []string{"s3:ListBucket"}, Resource: []string{bucket}}
		if len(grant.Prefixes) > 0 {
			objects = nil
			for _, prefix := range grant.Prefixes {
				objects = append(objects, bucket+"/"+prefix+"*")
			}
		}
		statements = append(statements, list, statement{
			Action: []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"}, Resource: objects,
		})
	}
	if account.DNS {
		statements = append(statements,
			statement{
				Action:   []string{"route53:ChangeResourceRecordSets", "route53:ListResourceRecordSets"},
				Resource: []string{"arn:" + a.partition() + ":route53:::hostedzone/" + zone},
			},
			statement{Action: []string{"route53:GetChange"}, Resource: []string{"arn:" + a.partition() + ":route53:::change/*"}},
			// Finding the zone cannot be narrowed to one.
			statement{
				Action:   []string{"route53:ListHostedZones", "route53:ListHostedZonesByName", "route53:ListTagsForResource", "route53:ListTagsForResources"},
				Resource: []string{"*"},
			},
		)
	}
	if account.Nodes {
		statements = append(statements, a.nodeRights()...)
	}
	return policy(statements...)
}

// nodeRights are what the cluster autoscaler calls (kubernetes/autoscaler, cloudprovider/aws/aws_wrapper.go), with the
// flags that bases/cluster-autoscaler gives it: neither launch templates, which hold start scripts, nor types of machines.
//
// Threat: an autoscaler that is taken over ends machines of others. It may change only what EKS tagged as this cluster's.
func (a *amazon) nodeRights() []statement {
	provider, name := a.Cluster.Provider, a.Cluster.Name
	in := func(service string) string {
		return "arn:" + a.partition() + ":" + service + ":" + provider.Region + ":" + provider.Account + ":"
	}
	return []statement{
		// Looking at groups cannot be narrowed.
		{Action: []string{"autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"}, Resource: []string{"*"}},
		{
			Action:    []string{"autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"},
			Resource:  []string{in("autoscaling") + "autoScalingGroup:*:autoScalingGroupName/*"},
			Condition: map[string]map[string]string{"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/" + name: "owned"}},
		},
		{Action: []string{"eks:DescribeNodegroup"}, Resource: []string{in("eks") + "nodegroup/" + name + "/*/*"}},
	}
}

// samePolicy compares policies as AWS gives them back: in URL encoding, with blanks and an order of their own.
func samePolicy(have, want string) bool {
	if plain, err := url.QueryUnescape(have); err == nil {
		have = plain
	}
	var a, b any
	if json.Unmarshal([]byte(have), &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		return false
	}
	return reflect.DeepEqual(singular(a), singular(b))
}

// singular makes lists of one what they hold: AWS writes either.
func singular(value any) any {
	switch v := value.(type) {
	case []any:
		if len(v) == 1 {
			return singular(v[0])
		}
		list := make([]any, len(v))
		for i := range v {
			list[i] = singular(v[i])
		}
		return list
	case map[string]any:
		for _, key := range slices.Collect(maps.Keys(v)) {
			v[key] = singular(v[key])
		}
	}
	return value
}
