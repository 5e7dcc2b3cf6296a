package awsfake

import "maps"

// calls are all that the fake answers, with the fields that it knows of each; a plus marks what must be given with what it is
// part of. What is part of a URL is none of them. A test compares them with the SDK's own models, at all depths.
func calls() map[string]string {
	all := map[string]string{}
	for _, some := range []map[string]string{networkCalls(), clusterCalls(), accountCalls(), dataCalls()} {
		maps.Copy(all, some)
	}
	return all
}

func networkCalls() map[string]string {
	return map[string]string{
		"ec2:AllocateAddress": `+Domain TagSpecification TagSpecification.ResourceType TagSpecification.Tag TagSpecification.Tag.Key
			TagSpecification.Tag.Value`,
		"ec2:AssociateRouteTable":   "+RouteTableId +SubnetId",
		"ec2:AttachInternetGateway": "+InternetGatewayId +VpcId",
		"ec2:CreateInternetGateway": `TagSpecification TagSpecification.ResourceType TagSpecification.Tag TagSpecification.Tag.Key
			TagSpecification.Tag.Value`,
		"ec2:CreateNatGateway": `AllocationId ClientToken ConnectivityType +SubnetId TagSpecification TagSpecification.ResourceType
			TagSpecification.Tag TagSpecification.Tag.Key TagSpecification.Tag.Value`,
		"ec2:CreateRoute": "+DestinationCidrBlock GatewayId NatGatewayId +RouteTableId",
		"ec2:CreateRouteTable": `ClientToken TagSpecification TagSpecification.ResourceType TagSpecification.Tag TagSpecification.Tag.Key
			TagSpecification.Tag.Value +VpcId`,
		"ec2:CreateSubnet": `AvailabilityZone +CidrBlock TagSpecification TagSpecification.ResourceType TagSpecification.Tag
			TagSpecification.Tag.Key TagSpecification.Tag.Value +VpcId`,
		"ec2:CreateVpc": `+CidrBlock TagSpecification TagSpecification.ResourceType TagSpecification.Tag TagSpecification.Tag.Key
			TagSpecification.Tag.Value`,
		"ec2:CreateVpcEndpoint": `ClientToken RouteTableId ServiceName TagSpecification TagSpecification.ResourceType TagSpecification.Tag
			TagSpecification.Tag.Key TagSpecification.Tag.Value VpcEndpointType +VpcId`,
		"ec2:DeleteInternetGateway":         "+InternetGatewayId",
		"ec2:DeleteNatGateway":              "+NatGatewayId",
		"ec2:DeleteNetworkInterface":        "+NetworkInterfaceId",
		"ec2:DeleteRouteTable":              "+RouteTableId",
		"ec2:DeleteSecurityGroup":           "GroupId",
		"ec2:DeleteSubnet":                  "+SubnetId",
		"ec2:DeleteVolume":                  "+VolumeId",
		"ec2:DeleteVpc":                     "+VpcId",
		"ec2:DeleteVpcEndpoints":            "+VpcEndpointId",
		"ec2:DescribeAddresses":             "Filter Filter.Name Filter.Value",
		"ec2:DescribeAvailabilityZones":     "",
		"ec2:DescribeInstanceTypeOfferings": "Filter Filter.Name Filter.Value LocationType",
		"ec2:DescribeInstances":             "Filter Filter.Name Filter.Value",
		"ec2:DescribeInternetGateways":      "Filter Filter.Name Filter.Value InternetGatewayId",
		"ec2:DescribeNatGateways":           "Filter Filter.Name Filter.Value",
		"ec2:DescribeNetworkInterfaces":     "Filter Filter.Name Filter.Value",
		"ec2:DescribeRouteTables":           "Filter Filter.Name Filter.Value RouteTableId",
		"ec2:DescribeSecurityGroups":        "Filter Filter.Name Filter.Value",
		"ec2:DescribeSubnets":               "Filter Filter.Name Filter.Value SubnetId",
		"ec2:DescribeVolumes":               "Filter Filter.Name Filter.Value",
		"ec2:DescribeVpcAttribute":          "+Attribute +VpcId",
		"ec2:DescribeVpcEndpoints":          "Filter Filter.Name Filter.Value",
		"ec2:DescribeVpcs":                  "Filter Filter.Name Filter.Value VpcId",
		"ec2:DetachInternetGateway":         "+InternetGatewayId +VpcId",
		"ec2:DisassociateRouteTable":        "+AssociationId",
		"ec2:ModifyVpcAttribute":            "EnableDnsHostnames EnableDnsHostnames.Value +VpcId",
		"ec2:ReleaseAddress":                "AllocationId",
		"ec2:ReplaceRoute":                  "DestinationCidrBlock GatewayId NatGatewayId +RouteTableId",
	}
}

func clusterCalls() map[string]string {
	return map[string]string{
		"eks:CreateAddon": `+addonName clientRequestToken configurationValues podIdentityAssociations +podIdentityAssociations.roleArn
			+podIdentityAssociations.serviceAccount resolveConflicts tags`,
		"eks:CreateCluster": `accessConfig accessConfig.authenticationMode accessConfig.bootstrapClusterCreatorAdminPermissions
			bootstrapSelfManagedAddons clientRequestToken encryptionConfig encryptionConfig.provider
			encryptionConfig.provider.keyArn encryptionConfig.resources logging logging.clusterLogging
			logging.clusterLogging.enabled logging.clusterLogging.types +name +resourcesVpcConfig
			resourcesVpcConfig.endpointPrivateAccess resourcesVpcConfig.endpointPublicAccess
			resourcesVpcConfig.publicAccessCidrs resourcesVpcConfig.subnetIds +roleArn tags upgradePolicy
			upgradePolicy.supportType +version`,
		"eks:CreateNodegroup": `amiType capacityType clientRequestToken diskSize instanceTypes +nodeRole +nodegroupName releaseVersion
			scalingConfig scalingConfig.desiredSize scalingConfig.maxSize scalingConfig.minSize +subnets tags
			updateConfig updateConfig.maxUnavailable`,
		"eks:CreatePodIdentityAssociation":   "clientRequestToken +namespace +roleArn +serviceAccount tags",
		"eks:DeleteAddon":                    "",
		"eks:DeleteCluster":                  "",
		"eks:DeleteNodegroup":                "",
		"eks:DeletePodIdentityAssociation":   "",
		"eks:DescribeAddon":                  "",
		"eks:DescribeAddonVersions":          "",
		"eks:DescribeCluster":                "",
		"eks:DescribeClusterVersions":        "",
		"eks:DescribeNodegroup":              "",
		"eks:DescribePodIdentityAssociation": "",
		"eks:DescribeUpdate":                 "",
		"eks:ListClusters":                   "",
		"eks:ListInsights":                   "filter filter.categories filter.kubernetesVersions",
		"eks:ListPodIdentityAssociations":    "",
		"eks:UpdateAddon":                    "addonVersion clientRequestToken configurationValues resolveConflicts",
		"eks:UpdateClusterConfig": `clientRequestToken resourcesVpcConfig resourcesVpcConfig.endpointPrivateAccess
			resourcesVpcConfig.endpointPublicAccess resourcesVpcConfig.publicAccessCidrs`,
		"eks:UpdateClusterVersion":         "clientRequestToken +version",
		"eks:UpdateNodegroupConfig":        `clientRequestToken scalingConfig scalingConfig.desiredSize scalingConfig.maxSize scalingConfig.minSize`,
		"eks:UpdateNodegroupVersion":       "clientRequestToken releaseVersion version",
		"eks:UpdatePodIdentityAssociation": "clientRequestToken roleArn",
	}
}

func accountCalls() map[string]string {
	return map[string]string{
		"elasticloadbalancing:DeleteLoadBalancer":    "+LoadBalancerName",
		"elasticloadbalancing:DescribeLoadBalancers": "",
		"elasticloadbalancing:DescribeTags":          "+LoadBalancerNames",

		"elasticloadbalancingv2:DeleteLoadBalancer":    "+LoadBalancerArn",
		"elasticloadbalancingv2:DeleteTargetGroup":     "+TargetGroupArn",
		"elasticloadbalancingv2:DescribeLoadBalancers": "",
		"elasticloadbalancingv2:DescribeTags":          "+ResourceArns",
		"elasticloadbalancingv2:DescribeTargetGroups":  "",

		"iam:AttachRolePolicy":         "+PolicyArn +RoleName",
		"iam:CreateRole":               "+AssumeRolePolicyDocument Description +RoleName Tags +Tags.Key +Tags.Value",
		"iam:DeleteRole":               "+RoleName",
		"iam:DeleteRolePolicy":         "+PolicyName +RoleName",
		"iam:DetachRolePolicy":         "+PolicyArn +RoleName",
		"iam:GetRole":                  "+RoleName",
		"iam:GetRolePolicy":            "+PolicyName +RoleName",
		"iam:ListAttachedRolePolicies": "+RoleName",
		"iam:PutRolePolicy":            "+PolicyDocument +PolicyName +RoleName",
		"iam:SimulatePrincipalPolicy":  "+ActionNames +PolicySourceArn",
		"iam:UpdateAssumeRolePolicy":   "+PolicyDocument +RoleName",

		"kms:CreateAlias":         "+AliasName +TargetKeyId",
		"kms:CreateKey":           "Description KeySpec KeyUsage Tags +Tags.TagKey +Tags.TagValue",
		"kms:DeleteAlias":         "+AliasName",
		"kms:DescribeKey":         "+KeyId",
		"kms:ListAliases":         "KeyId",
		"kms:ListKeys":            "",
		"kms:ListResourceTags":    "+KeyId",
		"kms:ScheduleKeyDeletion": "+KeyId PendingWindowInDays",

		"logs:CreateLogGroup":      "+logGroupName tags",
		"logs:DeleteLogGroup":      "+logGroupName",
		"logs:DescribeLogGroups":   "logGroupNamePrefix",
		"logs:ListTagsForResource": "+resourceArn",
		"logs:PutRetentionPolicy":  "+logGroupName +retentionInDays",
	}
}

func dataCalls() map[string]string {
	return map[string]string{
		"route53:ChangeResourceRecordSets": `+ChangeBatch ChangeBatch.Changes +ChangeBatch.Changes.Change +ChangeBatch.Changes.Change.Action
			+ChangeBatch.Changes.Change.ResourceRecordSet +ChangeBatch.Changes.Change.ResourceRecordSet.Name
			ChangeBatch.Changes.Change.ResourceRecordSet.ResourceRecords
			ChangeBatch.Changes.Change.ResourceRecordSet.ResourceRecords.ResourceRecord
			+ChangeBatch.Changes.Change.ResourceRecordSet.ResourceRecords.ResourceRecord.Value
			ChangeBatch.Changes.Change.ResourceRecordSet.TTL +ChangeBatch.Changes.Change.ResourceRecordSet.Type`,
		"route53:CreateHostedZone":       "+CallerReference HostedZoneConfig HostedZoneConfig.Comment +Name",
		"route53:DeleteHostedZone":       "",
		"route53:GetHostedZone":          "",
		"route53:ListHostedZonesByName":  "",
		"route53:ListResourceRecordSets": "",

		"s3:CreateBucket": `+CreateBucketConfiguration CreateBucketConfiguration.LocationConstraint CreateBucketConfiguration.Tags
			CreateBucketConfiguration.Tags.Tag +CreateBucketConfiguration.Tags.Tag.Key
			+CreateBucketConfiguration.Tags.Tag.Value`,
		"s3:DeleteBucket":                    "",
		"s3:DeleteObject":                    "",
		"s3:DeleteObjects":                   "+Delete +Delete.Object +Delete.Object.Key Delete.Object.VersionId Delete.Quiet",
		"s3:GetBucketEncryption":             "",
		"s3:GetBucketLifecycleConfiguration": "",
		"s3:GetBucketTagging":                "",
		"s3:GetBucketVersioning":             "",
		"s3:GetObject":                       "",
		"s3:GetPublicAccessBlock":            "",
		"s3:HeadBucket":                      "",
		"s3:ListObjectVersions":              "",
		"s3:PutBucketEncryption": `+ServerSideEncryptionConfiguration +ServerSideEncryptionConfiguration.Rule
			ServerSideEncryptionConfiguration.Rule.ApplyServerSideEncryptionByDefault
			+ServerSideEncryptionConfiguration.Rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm`,
		"s3:PutBucketLifecycleConfiguration": `LifecycleConfiguration +LifecycleConfiguration.Rule
			LifecycleConfiguration.Rule.AbortIncompleteMultipartUpload
			LifecycleConfiguration.Rule.AbortIncompleteMultipartUpload.DaysAfterInitiation
			LifecycleConfiguration.Rule.Filter LifecycleConfiguration.Rule.Filter.Prefix
			LifecycleConfiguration.Rule.ID LifecycleConfiguration.Rule.NoncurrentVersionExpiration
			LifecycleConfiguration.Rule.NoncurrentVersionExpiration.NoncurrentDays +LifecycleConfiguration.Rule.Status`,
		"s3:PutBucketVersioning": "+VersioningConfiguration VersioningConfiguration.Status",
		"s3:PutObject":           "",
		"s3:PutPublicAccessBlock": `+PublicAccessBlockConfiguration PublicAccessBlockConfiguration.BlockPublicAcls
			PublicAccessBlockConfiguration.BlockPublicPolicy PublicAccessBlockConfiguration.IgnorePublicAcls
			PublicAccessBlockConfiguration.RestrictPublicBuckets`,

		"servicequotas:GetAWSDefaultServiceQuota": "+QuotaCode +ServiceCode",
		"servicequotas:GetServiceQuota":           "+QuotaCode +ServiceCode",

		"ssm:GetParameter": "+Name",

		"sts:GetCallerIdentity": "",

		"tagging:GetResources": "TagFilters TagFilters.Key TagFilters.Values",
	}
}
