package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/opsgen/opsgen/bootstrap/engine"
	"github.com/opsgen/opsgen/bootstrap/provider"
	"github.com/opsgen/opsgen/generator/identity"
)

// Preflight implements provider.Provider. Without credentials, nothing else can be looked at.
func (a *amazon) Preflight(ctx context.Context) []provider.Check {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	credentials, who := a.checkCredentials(ctx)
	checks := []provider.Check{credentials}
	if credentials.Problem != "" {
		return checks
	}
	checks = append(checks, a.checkPermissions(ctx, who))
	looks := []func(context.Context) provider.Check{
		a.checkZones, a.checkTypes, a.checkVersion, a.checkQuotas, a.checkCluster, a.checkPlace, a.checkDNS, a.checkDelegation,
	}
	if a.Cluster.Provider.Storage.Given {
		looks = append(looks, a.checkGivenBuckets)
	} else {
		looks = append(looks, a.checkBuckets)
	}
	if a.givenNetwork() {
		looks = append(looks, a.checkNetwork)
	}
	if a.Cluster.Provider.Key != "" {
		looks = append(looks, a.checkKey)
	}
	for _, check := range looks {
		checks = append(checks, check(ctx))
	}
	checks = append(checks, a.checkAccess())
	return append(checks, a.checkUpgrade(ctx)...)
}

func (a *amazon) failed(name string, err error) provider.Check {
	hint := a.Classify(err).Hint
	if nowhere := (*net.DNSError)(nil); errors.As(err, &nowhere) && nowhere.IsNotFound {
		hint = fmt.Sprintf("Is %q a region of AWS, and this machine in the Internet? Check provider.region in cluster.yaml.", a.Cluster.Provider.Region)
	}
	if hint == "" {
		hint = "Mend this, and run the same command again."
	}
	return provider.Check{Name: name, Problem: err.Error(), Hint: hint}
}

// checkCredentials makes sure that it is the account that cluster.yaml names: a profile is easily the wrong one.
func (a *amazon) checkCredentials(ctx context.Context) (check provider.Check, who string) {
	check.Name = "credentials"
	answer, err := a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return a.failed(check.Name, err), ""
	}
	check.Detail = aws.ToString(answer.Arn)
	if have, want := aws.ToString(answer.Account), a.Cluster.Provider.Account; have != want {
		check.Problem, check.Hint = fmt.Sprintf("the credentials are of account %s, and cluster.yaml names %s", have, want), "Use another AWS_PROFILE, or write provider.account."
	}
	return check, aws.ToString(answer.Arn)
}

// needed are the rights without which up would stop half-way: one or two of each service, and those that are most often denied.
func needed() []string {
	return []string{
		"ec2:CreateVpc", "ec2:CreateSubnet", "ec2:AllocateAddress", "ec2:CreateNatGateway", "ec2:CreateVpcEndpoint", "ec2:CreateTags", "ec2:CreateRoute",
		"eks:CreateCluster", "eks:CreateNodegroup", "eks:CreateAddon", "eks:CreatePodIdentityAssociation", "eks:TagResource",
		"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PassRole", "iam:TagRole", "iam:CreateServiceLinkedRole",
		"s3:CreateBucket", "s3:PutBucketTagging", "s3:PutLifecycleConfiguration", "s3:PutEncryptionConfiguration", "s3:PutBucketPublicAccessBlock",
		"kms:CreateKey", "kms:CreateAlias", "kms:CreateGrant", "kms:TagResource", "route53:CreateHostedZone",
		"logs:CreateLogGroup", "logs:TagResource", "logs:PutRetentionPolicy",
	}
}

// checkPermissions asks IAM what it would say. Rules of an organization are not part of its answer for all accounts.
func (a *amazon) checkPermissions(ctx context.Context, who string) provider.Check {
	check := provider.Check{Name: "permissions"}
	source, err := a.principal(ctx, who)
	if err != nil {
		return a.unsure(check, err)
	}
	answer, err := a.iam.SimulatePrincipalPolicy(ctx, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &source, ActionNames: needed()})
	if err != nil {
		return a.unsure(check, err)
	}
	var denied []string
	for _, result := range answer.EvaluationResults {
		if result.EvalDecision != types.PolicyEvaluationDecisionTypeAllowed {
			denied = append(denied, aws.ToString(result.EvalActionName))
		}
	}
	if len(denied) > 0 {
		check.Problem, check.Hint = "you may not "+strings.Join(denied, ", "), "Ask for these rights, or use other credentials."
		return check
	}
	check.Detail = fmt.Sprintf("%d rights", len(needed()))
	return check
}

func (a *amazon) unsure(check provider.Check, err error) provider.Check {
	check.Warning, check.Problem = true, "your rights cannot be looked at: "+err.Error()
	check.Hint = "That is in order with credentials that have all rights; with others, up may stop half-way, and goes on when it is run again."
	return check
}

// principal is the role of a session: simulations take no sessions, and a role's path is not part of its session's name.
func (a *amazon) principal(ctx context.Context, who string) (string, error) {
	_, session, assumed := strings.Cut(who, ":assumed-role/")
	if !assumed {
		return who, nil
	}
	name, _, _ := strings.Cut(session, "/")
	answer, err := a.iam.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return "", err
	}
	return aws.ToString(answer.Role.Arn), nil
}

func (a *amazon) checkZones(ctx context.Context) provider.Check {
	check := provider.Check{Name: "zones"}
	answer, err := a.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil {
		return a.failed(check.Name, err)
	}
	var there, missing []string
	for _, zone := range answer.AvailabilityZones {
		if zone.State == ec2types.AvailabilityZoneStateAvailable {
			there = append(there, aws.ToString(zone.ZoneName))
		}
	}
	for _, zone := range a.Cluster.Provider.Zones {
		if !slices.Contains(there, zone) {
			missing = append(missing, zone)
		}
	}
	if len(missing) > 0 {
		check.Problem = fmt.Sprintf("%s: not among this account's zones", strings.Join(missing, ", "))
		check.Hint = "Write some of " + strings.Join(there, ", ") + " in provider.zones."
		return check
	}
	check.Detail = fmt.Sprintf("%d of %d", len(a.Cluster.Provider.Zones), len(there))
	return check
}

// checkTypes makes sure that each zone has machines of the nodes' type at all. Whether one is free is known only by trying.
func (a *amazon) checkTypes(ctx context.Context) provider.Check {
	check := provider.Check{Name: "machines", Detail: fmt.Sprintf("%s %s a zone", a.NodesInZone(), nodeType)}
	answer, err := a.ec2.DescribeInstanceTypeOfferings(ctx, &ec2.DescribeInstanceTypeOfferingsInput{
		LocationType: ec2types.LocationTypeAvailabilityZone, Filters: []ec2types.Filter{filter("instance-type", nodeType, otherType)},
	})
	if err != nil {
		return a.failed(check.Name, err)
	}
	var offered []string
	for _, offering := range answer.InstanceTypeOfferings {
		offered = append(offered, aws.ToString(offering.Location))
	}
	var without []string
	for _, zone := range a.Cluster.Provider.Zones {
		if !slices.Contains(offered, zone) {
			without = append(without, zone)
		}
	}
	if len(without) > 0 {
		check.Problem = fmt.Sprintf("neither %s nor %s in %s", nodeType, otherType, strings.Join(without, ", "))
		check.Hint = "Choose other zones in cluster.yaml (provider.zones): " + strings.Join(slices.Compact(slices.Sorted(slices.Values(offered))), ", ") + "."
	}
	return check
}

func (a *amazon) checkVersion(ctx context.Context) provider.Check {
	check := provider.Check{Name: "Kubernetes", Detail: a.Cluster.Kubernetes}
	answer, err := a.eks.DescribeClusterVersions(ctx, &eks.DescribeClusterVersionsInput{})
	if err != nil {
		return a.failed(check.Name, err)
	}
	var offered []string
	for _, version := range answer.ClusterVersions {
		offered = append(offered, aws.ToString(version.ClusterVersion))
		if aws.ToString(version.ClusterVersion) == a.Cluster.Kubernetes && version.VersionStatus == ekstypes.VersionStatusExtendedSupport {
			check.Warning, check.Problem = true, fmt.Sprintf("Kubernetes %s is out of EKS' standard support", a.Cluster.Kubernetes)
			check.Hint = "EKS makes no new cluster of it, and upgrades one that is there by itself: take the next version in cluster.yaml first."
		}
	}
	if !slices.Contains(offered, a.Cluster.Kubernetes) {
		check.Warning, check.Problem = false, fmt.Sprintf("EKS does not offer Kubernetes %s", a.Cluster.Kubernetes)
		check.Hint = "Write one of " + strings.Join(offered, ", ") + " as kubernetes in cluster.yaml, and render again."
	}
	return check
}

// checkBuckets looks whether names that all of AWS shares are free, or ours.
func (a *amazon) checkBuckets(ctx context.Context) provider.Check {
	check := provider.Check{Name: "bucket names"}
	for _, use := range identity.Uses() {
		name := a.bucketName(use)
		_, err := a.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
		if a.gone(err) {
			continue
		}
		var tags map[string]string
		if err == nil {
			tags, err = a.bucketTags(ctx, name)
		}
		if err != nil || tags[engine.TagCluster] != a.Cluster.Name {
			check.Problem, check.Hint = fmt.Sprintf("%s exists and is not this cluster's", name), "Choose another name (provider.storage in cluster.yaml); it is left as it is."
			return check
		}
	}
	return check
}

func (a *amazon) checkCluster(ctx context.Context) provider.Check {
	check := provider.Check{Name: "cluster name"}
	found, err := a.findCluster(ctx, a.Cluster.Name)
	switch {
	case a.gone(err):
	case err != nil:
		return a.failed(check.Name, err)
	case found.Tags[engine.TagCluster] != a.Cluster.Name:
		check.Problem, check.Hint = "an EKS cluster "+a.Cluster.Name+" exists and is not ours", "Give the folder below clusters/ another name; that cluster is left as it is."
	}
	return check
}

func (a *amazon) checkDNS(ctx context.Context) provider.Check {
	check := provider.Check{Name: "DNS", Detail: a.Cluster.DNS.Zone}
	if a.Cluster.DNS.ZoneID != "" {
		return check
	}
	g := engine.NewGraph(a.Cluster.Name, a.Bundle.Version)
	found, err := a.findZone(ctx, g, zoneResource, strings.TrimSuffix(a.Cluster.DNS.Zone, ".")+".")
	switch {
	case err != nil:
		return a.failed(check.Name, err)
	case found.Condition == engine.Absent:
		check.Warning, check.Problem = true, "the zone "+a.Cluster.DNS.Zone+" will be made, and is reached once the zone above it delegates to its name servers"
		check.Hint = "up shows the new zone's name servers: enter them there; certificates wait for that."
	case found.Tags == nil:
		check.Problem = "the zone " + a.Cluster.DNS.Zone + " exists and is not this cluster's"
		check.Hint = "To use it, write dns.zoneID: " + found.Output + " in cluster.yaml."
	}
	return check
}
